"""A contractive autoencoder on the digits that scikit-learn ships: 100 units, penalized for their sensitivity.

    cnnzoo train contractive_digits

Squared error per test image (sum over pixels) after the last epoch: 0.465 ± 0.022 (0.47, 0.44, 0.49), n=3, 3 to 5 s
on one of two cores beside other work; it needs no download. Printed by
`benchmarks/recipe_results.py contractive_digits`.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="digits",
    epochs=60,
    batch_size=64,
    learning_rate=5e-3,
    model_options={"input_shape": (8, 8, 1), "units": (), "code": 100, "contractive": 0.1 / 64},
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
