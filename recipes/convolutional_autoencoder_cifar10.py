"""A convolutional autoencoder on CIFAR-10, against as many principal components as its code has numbers.

    cnnzoo train convolutional_autoencoder_cifar10

was not run yet; two cores.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="convolutional_autoencoder",
    data="cifar10",
    epochs=20,
    batch_size=128,
    learning_rate=2e-3,
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
