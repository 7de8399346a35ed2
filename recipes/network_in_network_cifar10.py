"""Network in Network on CIFAR-10 by its authors' schedule, with their light augmentation.

    cnnzoo train network_in_network_cifar10

It was not run yet, on two cores or elsewhere; its smoke run is tested. The paper's figures are 8.81 % test error, and
10.41 % without augmentation (`--set augment=none`); the authors' model for Caffe has 89.6 % accuracy. Each image's
contrast is normalized, and the images are whitened (ZCA).

Rates, momentum, decay and epochs are those of the authors' files: 100,000 steps of 128 images at a rate of 0.1, and
20,000 at a tenth of it. Where it deviates from them: the biases of the class maps start at 1, since with the files' 0
(`--set model_options.initial_bias=0`) some repetitions of the paper did not start to learn; and flips and shifts of up
to 5 pixels come before contrast and whitening.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="network_in_network",
    data="cifar10",
    whitening=True,
    augment="flip_shift",
    epochs=307,
    batch_size=128,
    learning_rate=0.1,
    schedule="step",
    lr_drop_epochs=(256,),
    optimizer="classicsgd",
    optimizer_options={
        "momentum": 0.9,
        "weight_decay": {"*/kernel": 1e-4},
        "lr_multipliers": {"*cccp6/kernel": 0.1, "*cccp6/bias": 0.2, "*/bias": 2.0},
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
