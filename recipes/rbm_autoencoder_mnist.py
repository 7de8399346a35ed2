"""The deep autoencoder of 2006 on MNIST as it was pretrained: a stack of restricted Boltzmann machines, unrolled.

    cnnzoo train rbm_autoencoder_mnist

It was not run yet, on two cores or elsewhere. The paper has a squared error
of 3.00 per test image, `deep_autoencoder_mnist` without pretraining 1.96.

Machines are trained by the program of 2006: CD-1 with visible probabilities, rate 0.1, for the linear code units 0.001,
batches of 100, momentum 0.5 for five epochs and then 0.9, decay 0.0002, ten epochs a layer (the paper has 50). It
deviates in the initial weights, which are those of `deep_autoencoder` (there 0.1 · N(0, 1)), in the fine-tuning, by
Muon instead of conjugate gradients, and in its data, which are shifted by up to a pixel.
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
    pretraining={"method": "rbm", "epochs": 10, "batch_size": 100},
)

if __name__ == "__main__":
    cli.run_file(__file__)
