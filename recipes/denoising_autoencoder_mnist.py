"""A denoising autoencoder on MNIST: a quarter of the pixels is put out, and the net puts them back.

    cnnzoo train denoising_autoencoder_mnist

was not run yet; two cores.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="denoising_autoencoder",
    data="mnist",
    epochs=20,
    batch_size=250,
    learning_rate=1e-3,
    model_options={"corruption": "masking", "rate": 0.25},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
