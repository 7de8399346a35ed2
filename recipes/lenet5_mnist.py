"""LeNet-5 of 1998 on MNIST, as the paper trained it: 60,000 images, plain or distorted.

cnnzoo train lenet5_mnist
cnnzoo train lenet5_mnist --set augment=affine --epochs 60
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet5",
    data="mnist",
    epochs=20,
    batch_size=256,
    learning_rate=1.2e-2,
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
