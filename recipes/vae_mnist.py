"""The variational autoencoder of Burda et al. on MNIST, binarized anew at each visit.

    cnnzoo train vae_mnist

Negative log-likelihood of the binary test images: 86.03 nats, estimated with 5,000 draws for each image, and 20 of 50
code units active; minus the bound is 89.60. n=1, 71 min of training on two cores beside other work. Printed by
`benchmarks/recipe_results.py vae_mnist --seeds 1 --likelihood 5000`. Burda et al. print 86.76 and 19 units after 3,280
epochs of Adam. Optimizer and rate were chosen on the last 5,000 training images, held out.
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
