"""Three logistic layers of 1,000 units on MNIST, each pretrained as a denoising autoencoder of the one below.

    cnnzoo train stacked_denoising_mnist

was not run yet; two cores.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="stacked_autoencoder",
    data="mnist",
    epochs=30,
    batch_size=100,
    learning_rate=1e-3,
    optimizer="adam",
    augment="noise",
    precision="mixed_bfloat16",
    pretraining={
        "epochs": 15,
        "corruption": (0.1, 0.2, 0.3),
        "optimizer": "muon",
        "learning_rate": 1e-2,
        "schedule": "cosine",
        "optimizer_options": {"weight_decay": 0.0, "adam_weight_decay": 0.0, "adam_lr_ratio": 0.1},
        "batch_size": 500,
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
