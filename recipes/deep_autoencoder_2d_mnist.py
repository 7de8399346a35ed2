"""Digits on a plane: the deep autoencoder of 2006 with a code of two numbers, to be compared with PCA's.

    cnnzoo train deep_autoencoder_2d_mnist

Squared error per test image (sum over pixels): 28.11 ± 0.05 (28.07, 28.17, 28.09), n=3, 8 to 9 min on two cores
beside other work; two principal components have 43.64. Printed by `benchmarks/recipe_results.py
deep_autoencoder_2d_mnist`.
"""

from cnnzoo import cli, load_recipe

recipe = load_recipe("deep_autoencoder_mnist").replace(model_options={"code": 2}, epochs=50)

if __name__ == "__main__":
    cli.run_file(__file__)
