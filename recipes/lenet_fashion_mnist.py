"""The textbook LeNet on Fashion-MNIST, with rectified units, max pooling and dropout.

cnnzoo train lenet_fashion_mnist
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet",
    data="fashion_mnist",
    epochs=15,
    batch_size=128,
    learning_rate=3e-3,
    model_options={"activation": "relu", "subsampling": "max", "dropout": 0.2},
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
