"""Seven ways to start the same classifier on MNIST: what each pretraining is worth, by the number of labels.

    cnnzoo train pretraining_methods_mnist

It was not run yet, on two cores or elsewhere. Three logistic layers of 500 units start at random, or each of them is
first trained on all 60,000 images without their labels: as an autoencoder, a denoising, contractive, variational or
k-sparse one, or as a restricted Boltzmann machine. Each way is pretrained once a seed, for all numbers of labels.

Every epoch has 60,000 images, of which few are repeated often. A step of each of the six ways has five products of a
batch and a kernel: two forward, three backward, and so has one of contrastive divergence; the variational code of 50
adds a tenth, the other penalties next to nothing. The net that starts at random has twice the epochs of pretraining
more, which makes the multiply-adds equal (see `pretraining_study_mnist`).
"""

from cnnzoo import Recipe, Study, cli

EPOCHS, PRETRAINING = 5, 10  # of 60,000 images each; the latter for each layer
LABELS = {100: 600, 600: 100, 60_000: 1}  # images → how often each comes in an epoch
COMMON = {"epochs": PRETRAINING, "learning_rate": 3e-3}
METHODS = {
    "autoencoder": COMMON,
    "denoising": {**COMMON, "corruption": 0.2},
    "rbm": {"method": "rbm", "epochs": PRETRAINING},
    "contractive": {**COMMON, "contractive": 0.1 / 784},
    "variational": {**COMMON, "variational": 50},
    "k-sparse": {**COMMON, "sparsity": {"kind": "k-sparse", "k": 50}},
}

study = Study(
    recipe=Recipe(
        model="stacked_autoencoder",
        data="mnist",
        epochs=EPOCHS,
        batch_size=256,
        learning_rate=1e-2,
        model_options={"units": (500, 500, 500)},
        optimizer="adam",
    ),
    variants={
        f"{method}-{labels}-labels": {
            "train_examples": labels,
            "repeat": repeat,
            "epochs": EPOCHS if method in METHODS else EPOCHS + 2 * PRETRAINING,
            **({"pretraining": METHODS[method]} if method in METHODS else {}),
        }
        for labels, repeat in LABELS.items()
        for method in ("random", *METHODS)
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
