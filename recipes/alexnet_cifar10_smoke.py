"""AlexNet at its own 227 pixels on a few enlarged images of CIFAR-10: does the whole net train?

    cnnzoo train alexnet_cifar10_smoke

2,048 images, four epochs. It shows that the net trains, not how accurate it gets, and was not run to its end; its smoke
run is tested. On two cores of a Xeon a training step of 32 images takes 0.6 s, so it takes some minutes.
The initial bias is BVLC's 0.1: with the paper's 1 it may start dead (`--set model_options.initial_bias=1.0`).
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="alexnet",
    data="cifar10",
    model_options={"initial_bias": 0.1},
    train_examples=2048,
    epochs=4,
    batch_size=64,
    learning_rate=0.01,
    schedule="cosine",
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": 0.0005},
    steps_per_execution=8,
)

if __name__ == "__main__":
    cli.run_file(__file__)
