"""AlexNet on a folder of one's own photographs: the head first, on frozen features, then the whole.

    cnnzoo train alexnet_photos --set data=FOLDER

FOLDER has a folder of photographs for each class, or `train` and `val` with such folders (docs/data.md).
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="alexnet_owt",
    data="./photos",
    image_size=(256, 256),
    augment="alexnet",
    frozen={"epochs": 2, "until": "conv5"},
    epochs=40,
    batch_size=24,
    learning_rate=1e-4,
    optimizer="adamw",
    steps_per_execution=5,
)

if __name__ == "__main__":
    cli.run_file(__file__)
