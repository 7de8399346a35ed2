"""A variational autoencoder on the digits that scikit-learn ships, binarized: in under a minute, with no download.

cnnzoo train vae_digits
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="variational_autoencoder",
    data="digits",
    binarize="dynamic",
    epochs=200,
    batch_size=64,
    learning_rate=2e-3,
    model_options={"input_shape": (8, 8, 1), "units": (100, 100), "code": 10},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
