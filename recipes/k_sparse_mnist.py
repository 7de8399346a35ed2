"""A k-sparse autoencoder on MNIST: 1,000 linear units, of which each image keeps its 25 largest.

    cnnzoo train k_sparse_mnist

It was not run yet, on two cores or elsewhere. By its paper (Makhzani and Frey 2013) a logistic regression of
such features has a test error of 1.35 %; `benchmarks/sparse_features.py RUN` trains one.

Kernels are tied, and units that no image has kept for 100 steps are trained to reconstruct what is left over, which the
paper does not do. Its optimizer is gradient descent with momentum, here it is Adam.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="mnist",
    epochs=50,
    batch_size=128,
    learning_rate=1e-3,
    model_options={
        "units": (),
        "code": 1000,
        "code_activation": "linear",
        "sparsity": {"kind": "k-sparse", "k": 25, "dead_weight": 1 / 32},
    },
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
