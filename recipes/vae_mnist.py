"""The variational autoencoder of Burda et al. on MNIST, binarized anew at each visit.

    cnnzoo train vae_mnist

On two cores it was not run in full.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="variational_autoencoder",
    data="mnist",
    binarize="dynamic",
    epochs=1000,
    batch_size=200,
    learning_rate=1e-3,
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
