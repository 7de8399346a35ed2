"""The variational autoencoder of Burda et al. on MNIST, binarized anew at each visit.

    cnnzoo train vae_mnist

Minus the bound of the binary test images: 89.60 nats, n=1, 71 min on two cores beside other work. Printed by
`benchmarks/recipe_results.py vae_mnist --seeds 1`; with `--likelihood 5000` it prints the negative log-likelihood, too,
which was not run in full. Burda et al. have 86.76 after 3,280 epochs. Optimizer and rate were chosen on the last 5,000
training images, held out.
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
