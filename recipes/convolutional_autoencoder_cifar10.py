"""A convolutional autoencoder on CIFAR-10, compared with as many principal components as its code has numbers.

    cnnzoo train convolutional_autoencoder_cifar10

Squared error per test image (sum over pixels): 5.24 ± 0.36 (4.99, 5.49), n=2, 5 and 9 min on two cores beside
other work. 512 principal components, as many as its code has numbers, have 3.13: in 20 epochs it does not
reach them. It has 134,371 parameters, with small windows, and they have 1.6 million.
Printed by `benchmarks/recipe_results.py convolutional_autoencoder_cifar10 --seeds 2`.
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
