"""Four LeNets on MNIST, each trained in the manner of 1998 and in that of today: is it the net, or the recipe?

    cnnzoo train lenets_mnist

It was not run yet, on two cores or elsewhere. The papers' test errors are 1.7 % for LeNet-1, 1.1 % for LeNet-4 and
0.95 % for LeNet-5 (LeCun et al. 1998, section III-C); the net of 1989 had zip codes.

`1998`: twenty passes by gradient descent without momentum, whose rate falls after the passes 2, 5, 8 and 12, each net
with the outputs and the loss of its paper. It deviates from 1998 in its batches of 8 images in place of one, in its
rates, which are the same for all weights, where the paper's method has one for each, and in the factor 0.4 by which
all four falls multiply the rate. `modern`: as many passes by AdamW with a cosine decay, affine distortions, and a
softmax, for `lenet5` of its negated penalties, as `lenet5_mnist` has it.
"""

from cnnzoo import Recipe, Study, cli

# Penalties are sums over 84 pixels, which other losses are not, so that LeNet-5 takes smaller steps.
RATES = {"lenet_1989": 0.1, "lenet1": 0.1, "lenet4": 0.1, "lenet5": 0.002}
OF_1998 = {
    "batch_size": 8,
    "optimizer": "sgd",
    "schedule": "step",
    "warmup": 0.0,
    "lr_drop_epochs": (2, 5, 8, 12),
    "lr_drop_factor": 0.4,
}
MODERN = {"optimizer_options": {"weight_decay": 0.05}, "augment": "affine"}

study = Study(
    recipe=Recipe(model="lenet5", data="mnist", epochs=20, batch_size=128, learning_rate=6e-3, optimizer="adamw"),
    variants={
        **{f"{model}-1998": {"model": model, "learning_rate": rate, **OF_1998} for model, rate in RATES.items()},
        **{
            f"{model}-modern": {
                "model": model,
                "model_options": {"classifier_activation": "softmax"} if model != "lenet5" else {},
                **MODERN,
            }
            for model in RATES
        },
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
