"""LeNet-5 of 1998 on MNIST, as the paper trained it: 60,000 images, plain or distorted.

    cnnzoo train lenet5_mnist
    cnnzoo train lenet5_mnist --set augment=affine --epochs 60

Test error after the last epoch, n=3 (seeds 0 to 2), on two cores of a Xeon that other work shared:

    plain, 20 epochs        0.837 % ± 0.021 (0.82, 0.86, 0.83)    56 to 64 s      the paper: 0.95 %
    distorted, 60 epochs    0.647 % ± 0.071 (0.57, 0.71, 0.66)    289 to 498 s    the paper: 0.8 %

± is the standard deviation. Printed by `benchmarks/recipe_results.py lenet5_mnist` and the same with
`-- --set augment=affine --epochs 60`. Rate, decay, batch and distortions were chosen on the last 5,000
training images. The paper trained 20 passes at batch 1 by another method (see `cnnzoo.lenet5`).
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet5",
    data="mnist",
    epochs=20,
    batch_size=256,
    learning_rate=1.2e-2,
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)


def space(hp):
    """Return the overrides that `cnnzoo tune` searches over."""
    return {
        "learning_rate": hp.Float("learning_rate", 2e-3, 5e-2, sampling="log", default=1.2e-2),
        "optimizer_options.weight_decay": hp.Float("weight_decay", 5e-3, 0.5, sampling="log", default=0.05),
        "augment": hp.Choice("augment", ["none", "affine"]),
    }


if __name__ == "__main__":
    cli.run_file(__file__)
