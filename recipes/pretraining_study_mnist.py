"""What pretraining is worth: with against without, by depth and by the share of the labels, on MNIST.

    cnnzoo train pretraining_study_mnist

was not run yet; two cores.
"""

from cnnzoo import Recipe, Study, cli

EPOCHS, PRETRAINING = 5, 5  # of 60,000 images each; the latter for each layer
LABELS = {"1": 600, "10": 6_000, "100": 60_000}  # per cent → images


def variant(layers: int, per_cent: str, pretrained: bool) -> dict:
    """Return what one cell of the table changes; every epoch has 60,000 images, few of them coming often.

    Training a layer as an autoencoder costs about twice what training it within the net does, for every image.
    A net without pretraining gets those epochs as fine-tuning: both have the same number of multiply-adds.
    """
    return {
        "model_options": {"units": (500,) * layers},
        "examples": LABELS[per_cent],
        "repeats": 60_000 // LABELS[per_cent],
        "epochs": EPOCHS if pretrained else EPOCHS + 2 * PRETRAINING,
        **({"pretraining": {"epochs": PRETRAINING, "corruption": 0.2, "learning_rate": 3e-3}} if pretrained else {}),
    }


study = Study(
    recipe=Recipe(
        model="stacked_autoencoder",
        data="mnist",
        epochs=EPOCHS,
        batch_size=256,
        learning_rate=1e-2,
        optimizer="adam",
    ),
    variants={
        f"{layers}-layers-{per_cent}-per-cent-{'pretrained' if pretrained else 'random'}": variant(
            layers, per_cent, pretrained
        )
        for layers in (1, 3, 5)
        for per_cent in LABELS
        for pretrained in (True, False)
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
