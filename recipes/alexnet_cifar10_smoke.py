"""AlexNet at its own 227 pixels on a few enlarged images of CIFAR-10: does the whole of it train?

cnnzoo train alexnet_cifar10_smoke

"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="alexnet",
    data="cifar10",
    model_options={"initial_bias": 0.1},
    examples=2048,
    epochs=4,
    batch_size=64,
    learning_rate=0.01,
    schedule="cosine",
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": 0.0005},
    steps_per_execution=8,
)

if __name__ == "__main__":
    cli.run_file(__file__)
