"""AlexNet on a folder of your own photographs: first the head, on frozen features, then the whole net.

    cnnzoo train alexnet_photos --set data=FOLDER

FOLDER has a folder of photographs for each class, or `train` and `test` with such folders (docs/how_to/images.md).

On 240 photographs of five kinds of flowers, 48 of each, evaluated on 60 others: accuracy 63.3 % ± 1.7 (61.7, 63.3,
65.0), n=3 (mean ± standard deviation), from random weights, 196 to 440 s on two cores beside other work; chance is
20 %. So few photographs do not train an AlexNet: with torchvision's weights, `--set weights=imagenet` or a file, start
with `frozen.until=fc7` and a rate of 1e-5; that was not run, since the weights could not be fetched. The rate was
chosen from 1e-4 and 3e-4 on a fifth of the 240, held out. `--set model=alexnet` takes the net of 2012, at 227 pixels.
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
