"""AlexNet on ImageNet (ILSVRC-2012) by the paper's protocol; runs where TFDS has the images.

cnnzoo train alexnet_imagenet

"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="alexnet",
    data="imagenet2012",
    image_size=(256, 256),
    stream=True,
    augment="alexnet",
    epochs=90,
    batch_size=128,
    learning_rate=0.01,
    schedule="step",
    drops=(30, 60, 80),
    optimizer="classicsgd",
    optimizer_options={"momentum": 0.9, "weight_decay": 0.0005},
)

if __name__ == "__main__":
    cli.run_file(__file__)
