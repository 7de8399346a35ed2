"""The net of 1989 on as many images as it had: 7,291 digits of MNIST to train on and 2,007 to test on, at 16×16 pixels.

    cnnzoo train lenet_1989_mnist
    cnnzoo train lenet_1989_mnist --resume --set test_examples=None

The second command evaluates the same run on all 10,000 test images. It was not run yet, on two cores or elsewhere.

MNIST stands for the zip codes, which nobody has: the first images of its training set and of its test set, shrunk to
16×16 by the model's preprocessing. The paper's 5.0 % of 2,007 zip codes (LeCun et al. 1989) are no figure to compare
with. As there, the net makes 23 passes, squashed outputs have targets of ±1, and nothing is augmented. Adam with
batches of 16 takes the place of the paper's second-order method with batches of one image.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet_1989",
    data="mnist",
    train_examples=7_291,
    test_examples=2_007,
    epochs=23,
    batch_size=16,
    learning_rate=3e-3,
    optimizer="adam",
)

if __name__ == "__main__":
    cli.run_file(__file__)
