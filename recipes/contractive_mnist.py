"""A contractive autoencoder on MNIST: 1,000 logistic units, penalized for their sensitivity to the pixels.

    cnnzoo train contractive_mnist

It was not run yet, on two cores or elsewhere. The penalty's weight is 0.1 beside a cross-entropy that is
summed over the 784 pixels, as in the Deep Learning Tutorials of the LISA lab, whose loss here is a mean. The paper is
Rifai et al. 2011.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="mnist",
    epochs=20,
    batch_size=100,
    learning_rate=1e-3,
    model_options={"units": (), "code": 1000, "contractive": 0.1 / 784},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
