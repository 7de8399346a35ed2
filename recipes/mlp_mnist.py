"""A fully connected 784-300-100-10 net on MNIST: what convolution is measured against.

cnnzoo train mlp_mnist
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="mlp",
    data="mnist",
    epochs=20,
    batch_size=128,
    learning_rate=2e-3,
    model_options={"activation": "relu", "input_dropout": 0.1, "dropout": 0.2},
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
