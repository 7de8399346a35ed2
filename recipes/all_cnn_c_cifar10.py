"""All-CNN-C on CIFAR-10 by the paper's schedule, without augmentation.

    cnnzoo train all_cnn_c_cifar10

It was not run: 350 epochs on two cores would take days; its smoke run is tested. The paper's figure is
9.08 % test error. Each image's contrast is normalized, and the images are whitened (ZCA). Where it deviates from the
paper: the rate is the smallest of the paper's four, and was not chosen by a search.
`--set augment=flip_shift` adds the paper's light augmentation; here it comes before contrast and whitening.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="all_cnn_c",
    data="cifar10",
    whitening=True,
    epochs=350,
    batch_size=128,
    learning_rate=0.01,
    schedule="step",
    lr_drop_epochs=(200, 250, 300),
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": 0.001},
)

if __name__ == "__main__":
    cli.run_file(__file__)
