"""LeNet-5 on the digits that scikit-learn ships: a real net in under a minute, with no download.

cnnzoo train lenet5_digits
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet5",
    data="digits",
    epochs=30,
    batch_size=32,
    learning_rate=6e-3,
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.1},
    augment="affine",
)

if __name__ == "__main__":
    cli.run_file(__file__)
