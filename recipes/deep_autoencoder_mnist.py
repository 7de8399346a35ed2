"""The deep autoencoder of 2006 on MNIST: what 30 numbers keep of a digit, against 30 principal components.

    cnnzoo train deep_autoencoder_mnist

was not run yet; two cores.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="deep_autoencoder",
    data="mnist",
    epochs=150,
    batch_size=1000,
    learning_rate=2e-2,
    optimizer="muon",
    optimizer_options={"weight_decay": 0.2, "adam_weight_decay": 0.0, "adam_lr_ratio": 0.1},
    warmup=0.02,
    augment="shift",
    precision="mixed_bfloat16",
)

if __name__ == "__main__":
    cli.run_file(__file__)
