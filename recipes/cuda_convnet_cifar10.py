"""AlexNet's small sibling on CIFAR-10, in a sixth of cuda-convnet's epochs.

    cnnzoo train cuda_convnet_cifar10

Test accuracy after the last epoch, n=3 (seeds 0 to 2), on two cores of a Xeon that other work shared:
76.56 % ± 0.28 (76.30, 76.53, 76.86), 12 to 23 minutes. ± is the standard deviation. Printed by
`benchmarks/recipe_results.py cuda_convnet_cifar10`.

Rates, momentum and decay are cuda-convnet's; no value was chosen by a search. Its own schedule, for 18 % error
(Krizhevsky, 2011), was not run:

    cnnzoo train cuda_convnet_cifar10 --epochs 140 --set lr_drop_epochs=120,130
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="cuda_convnet",
    data="cifar10",
    epochs=24,
    batch_size=128,
    learning_rate=1e-3,
    schedule="step",
    lr_drop_epochs=(20, 22),
    optimizer="classicsgd",
    optimizer_options={
        "momentum": 0.9,
        "weight_decay": {"*fc10/kernel": 1.0, "*/kernel": 0.004},
        "lr_multipliers": {"*/bias": 2.0},
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
