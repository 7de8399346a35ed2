"""The variational autoencoder of Burda et al. on MNIST, binarized anew at each visit.

    cnnzoo train vae_mnist

On two cores it was not run in full.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="variational_autoencoder",
    data="mnist",
    binarize="dynamic",
    epochs=500,
    batch_size=500,
    learning_rate=5e-3,
    optimizer="muon",
    optimizer_options={"adam_lr_ratio": 0.3},
)

if __name__ == "__main__":
    cli.run_file(__file__)
