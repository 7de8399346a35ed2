"""An importance-weighted autoencoder on MNIST, 50 samples an image, binarized anew at each visit.

    cnnzoo train iwae_mnist

On two cores it was not run in full.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="variational_autoencoder",
    data="mnist",
    binarize="dynamic",
    epochs=250,
    batch_size=100,
    learning_rate=1e-3,
    model_options={"samples": 50},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
