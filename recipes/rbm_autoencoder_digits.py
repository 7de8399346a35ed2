"""The deep autoencoder of 2006 as it was pretrained, as Boltzmann machines, on the digits that scikit-learn ships.

    cnnzoo train rbm_autoencoder_digits

Squared error per test image (sum over pixels) after the last epoch: 0.837 ± 0.033 (0.82, 0.88, 0.82), n=3, 15 to 40 s
of training and 9 to 17 s of pretraining on one of two cores beside other work; it needs no download. 6
principal components have 1.93; `deep_autoencoder_digits`, whose layers are pretrained as autoencoders, has 0.86.
Printed by `benchmarks/recipe_results.py rbm_autoencoder_digits`.
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
    pretraining={"method": "rbm", "epochs": 30, "batch_size": 32},
)


def space(hp):
    """Return the overrides that `cnnzoo tune` searches over: of the fit, and of pretraining."""
    return {
        "learning_rate": hp.Float("learning_rate", 5e-3, 5e-2, sampling="log", default=2e-2),
        "pretraining.epochs": hp.Int("pretraining_epochs", 10, 50, step=10, default=30),
        "pretraining.gibbs_steps": hp.Choice("gibbs_steps", [1, 5], default=1),
    }


if __name__ == "__main__":
    cli.run_file(__file__)
