"""A k-sparse autoencoder on the digits that scikit-learn ships: 100 units, of which each image keeps 10.

    cnnzoo train k_sparse_digits

It was not run yet, on two cores or elsewhere; it needs no download.
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
