"""Digits on a plane: the deep autoencoder of 2006 with a code of two numbers, to be drawn beside PCA's.

    cnnzoo train deep_autoencoder_2d_mnist

was not run yet; two cores.
"""

from cnnzoo import cli, load_recipe

recipe = load_recipe("deep_autoencoder_mnist").replace(model_options={"code": 2}, epochs=50)

if __name__ == "__main__":
    cli.run_file(__file__)
