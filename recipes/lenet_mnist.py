"""The textbook LeNet on MNIST in six epochs: 99 % in a quarter of a minute.

cnnzoo train lenet_mnist
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet",
    data="mnist",
    epochs=6,
    batch_size=128,
    learning_rate=6e-3,
    model_options={"activation": "relu"},
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
