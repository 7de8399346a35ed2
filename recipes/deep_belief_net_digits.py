"""A deep belief net on the digits that scikit-learn ships: three logistic layers, pretrained as Boltzmann machines.

    cnnzoo train deep_belief_net_digits

Test error after the last epoch: 2.31 % ± 0.42 (1.94, 2.22, 2.78), n=3, 15 to 23 s of training and 14 to 60 s of
pretraining on one of two cores beside other work; it needs no download. Printed by
`benchmarks/recipe_results.py deep_belief_net_digits`. With denoising autoencoders in place of the machines,
`stacked_denoising_digits`, it is 2.50 % ± 0.28.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="stacked_autoencoder",
    data="digits",
    epochs=30,
    batch_size=32,
    learning_rate=2e-3,
    model_options={"input_shape": (8, 8, 1), "units": (300, 300, 300)},
    optimizer="adamw",
    pretraining={"method": "rbm", "epochs": 30},
)


def space(hp):
    """Return the overrides that `cnnzoo tune` searches over: of the learning rate, and of pretraining."""
    return {
        "learning_rate": hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=2e-3),
        "pretraining.epochs": hp.Int("pretraining_epochs", 10, 50, step=10, default=30),
        "pretraining.learning_rate": hp.Float("pretraining_rate", 0.01, 0.2, sampling="log", default=0.1),
    }


if __name__ == "__main__":
    cli.run_file(__file__)
