"""Edges from photographs: a sparse autoencoder of 25 logistic units on whitened patches of 8×8 pixels.

    cnnzoo train sparse_autoencoder_patches

All 25 units are edges by the measure of `benchmarks/gabor_fits.py RUN`, which a Gabor function must fit with an R² of
0.7: the smallest is 0.92, n=3 (seeds 0 to 2), on one of two cores beside other work. 21, 20 and 21 of them have an
orientation, by sectors of 30 degrees 7 1 2 2 3 6, 5 1 3 3 2 6 and 5 0 3 1 4 8; the others are spots.

Squared error per test image (sum over pixels): 0.361 ± 0.004 (0.36, 0.36, 0.36), n=3, where 25 principal components,
which are not sparse, have 0.009; 18 to 328 s. Printed by `benchmarks/recipe_results.py sparse_autoencoder_patches`.

It is the exercise of Ng's course (CS294A, 2011): 64-25-64, kernels that are not tied, the mean activation of each unit
held at 0.01. There the patches are of ten whitened photographs of nature, the loss is half the squared error, summed,
with a penalty of 3 and a weight decay of 0.0001, trained by L-BFGS on all patches at once. Here they are of two
photographs (see `cnnzoo.data.patches`), the loss is the cross-entropy, a mean over the pixels, which near gray is 1/16
of that, and so is the penalty, with about twice the decay; gradient descent with momentum trains on batches of 1,000,
of which the mean activations are.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="autoencoder",
    data="patches",
    epochs=600,
    batch_size=1000,
    learning_rate=30.0,
    model_options={
        "input_shape": (8, 8, 1),
        "units": (),
        "code": 25,
        "tied": False,
        "sparsity": {"kind": "kl", "target": 0.01, "weight": 3 / 16},
    },
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": {"*/kernel": 1.5e-5}},
)

if __name__ == "__main__":
    cli.run_file(__file__)
