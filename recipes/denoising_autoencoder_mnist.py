"""A denoising autoencoder on MNIST: a quarter of the pixels is masked, and the net reconstructs them.

    cnnzoo train denoising_autoencoder_mnist

Squared error per test image without noise (sum over pixels): 5.80 ± 0.03 (5.77, 5.83, 5.80), n=3, 96 to
98 s on two cores beside other work. Printed by `benchmarks/recipe_results.py denoising_autoencoder_mnist`.
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
