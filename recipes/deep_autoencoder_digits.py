"""A deep autoencoder on the digits that scikit-learn ships: in under a minute, with no download.

    cnnzoo train deep_autoencoder_digits

Squared error per test image (sum over pixels) after the last epoch: 0.860 ± 0.017 (0.87, 0.87, 0.84), n=3, 6 s
of training and 3 s of pretraining on two cores; 6 principal components have 1.93. Printed by
`benchmarks/recipe_results.py deep_autoencoder_digits`.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="deep_autoencoder",
    data="digits",
    epochs=60,
    batch_size=64,
    learning_rate=2e-2,
    model_options={"input_shape": (8, 8, 1), "units": (200, 100, 50), "code": 6},
    optimizer="muon",
    optimizer_options={"weight_decay": 0.2, "adam_weight_decay": 0.0, "adam_lr_ratio": 0.1},
    pretraining={"epochs": 5, "optimizer": "muon", "learning_rate": 1e-2},
)


def space(hp):
    """Return the overrides that `cnnzoo tune` searches over: of the fit, and of pretraining."""
    return {
        "learning_rate": hp.Float("learning_rate", 5e-3, 5e-2, sampling="log", default=2e-2),
        "optimizer_options.weight_decay": hp.Float("weight_decay", 2e-2, 1.0, sampling="log", default=0.2),
        "pretraining.epochs": hp.Int("pretraining_epochs", 0, 15, step=5, default=5),
    }


if __name__ == "__main__":
    cli.run_file(__file__)
