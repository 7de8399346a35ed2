"""AlexNet on ImageNet (ILSVRC-2012) by the paper's protocol; TFDS must have the images.

    cnnzoo train alexnet_imagenet

It was not run: it needs ImageNet, which TFDS takes from a folder that its user fills, and an
accelerator. On two cores 90 epochs would take weeks. Its smoke run is tested, on a set of the same format with
JPEGs of many sizes. The paper's figure is 40.7 % top-1 error on the validation images, one net, ten crops.

The shorter side becomes 256, the center 256×256 is kept; in training a random 227×227 crop, a flip and color
noise; SGD of rate 0.01, momentum 0.9, decay 0.0005, batch 128; it is evaluated by the mean prediction for ten crops
(`--set test_crops=1` for the center alone: 39.0 against 37.5 % on ILSVRC-2010 in the paper). Where it deviates from
the paper: it subtracts the mean color, not the mean image; the rate drops after fixed epochs, in the paper when the
validation error stalls; the input has 227 pixels a side (see `cnnzoo.alexnet`).
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="alexnet",
    data="imagenet2012",
    image_size=(256, 256),
    stream=True,
    augment="alexnet",
    test_crops=10,
    epochs=90,
    batch_size=128,
    learning_rate=0.01,
    schedule="step",
    lr_drop_epochs=(30, 60, 80),
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": 0.0005},
)

if __name__ == "__main__":
    cli.run_file(__file__)
