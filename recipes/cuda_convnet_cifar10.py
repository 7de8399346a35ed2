"""AlexNet's small sibling on CIFAR-10.

cnnzoo train cuda_convnet_cifar10

"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="cuda_convnet",
    data="cifar10",
    epochs=24,
    batch_size=128,
    learning_rate=1e-3,
    schedule="step",
    drops=(20, 22),
    optimizer="classicsgd",
    optimizer_options={
        "momentum": 0.9,
        "weight_decay": {"*fc10/kernel": 1.0, "*/kernel": 0.004},
        "rates": {"*/bias": 2.0},
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
