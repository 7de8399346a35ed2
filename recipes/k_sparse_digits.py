"""A k-sparse autoencoder on the digits that scikit-learn ships: 100 units, of which each image keeps 10.

    cnnzoo train k_sparse_digits

Squared error per test image (sum over pixels) after the last epoch: 0.770 ± 0.013 (0.77, 0.78, 0.76), n=3, 3 to 7 s
on one of two cores beside other work; it needs no download. Printed by
`benchmarks/recipe_results.py k_sparse_digits`.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="digits",
    epochs=60,
    batch_size=64,
    learning_rate=5e-3,
    model_options={
        "input_shape": (8, 8, 1),
        "units": (),
        "code": 100,
        "code_activation": "linear",
        "sparsity": {"kind": "k-sparse", "k": 10, "dead_weight": 1 / 32},
    },
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
