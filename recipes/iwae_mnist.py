"""An importance-weighted autoencoder on MNIST, 50 codes an image, trained on from a variational one.

    cnnzoo train vae_mnist --set epochs=200 --workdir runs/vae
    cnnzoo train iwae_mnist --set weights=runs/vae/model.keras

Negative log-likelihood of the binary test images: 85.71 nats, estimated with 5,000 draws for each image, and 20 of 50
code units active; minus the bound of 50 codes is 86.82. n=1, 21 min of training for the first command and 26 min for
the second on two cores beside other work. Printed, after the first command, by
`benchmarks/recipe_results.py iwae_mnist --seeds 1 --likelihood 5000 -- --set weights=runs/vae/model.keras`. Burda et
al. print 84.78 after 3,280 epochs of Adam from fresh weights. With fresh weights this recipe was not run: an epoch with
50 codes takes many times as long, and begins where the other one ends.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="variational_autoencoder",
    data="mnist",
    binarize="dynamic",
    epochs=16,
    batch_size=500,
    learning_rate=1e-3,
    model_options={"samples": 50},
    optimizer="muon",
    optimizer_options={"adam_lr_ratio": 0.3},
)

if __name__ == "__main__":
    cli.run_file(__file__)
