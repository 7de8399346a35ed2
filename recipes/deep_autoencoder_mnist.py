"""The deep autoencoder of 2006 on MNIST: a code of 30 numbers, compared with 30 principal components.

    cnnzoo train deep_autoencoder_mnist

Squared error per test image (sum over pixels) after the last epoch: 1.964 ± 0.008 (1.97, 1.96), n=2, 15 and
16 min on two cores; 30 principal components have 13.87, the paper's net 3.00. Printed by
`benchmarks/recipe_results.py deep_autoencoder_mnist --seeds 2`. Rates, decay and shifts were chosen on the last 5,000
training images, held out.

Pretrained layer by layer, 15 epochs each, then 136 epochs of the whole, the same number of multiply-adds: 1.93, n=1.
Printed by `benchmarks/recipe_results.py deep_autoencoder_mnist --seeds 1 -- --epochs 136` with `--set` for
`pretraining.epochs=15`, `pretraining.optimizer=muon`, `pretraining.learning_rate=1e-2`, `pretraining.schedule=cosine`
and `pretraining.batch_size=500`.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="deep_autoencoder",
    data="mnist",
    epochs=150,
    batch_size=1000,
    learning_rate=2e-2,
    optimizer="muon",
    optimizer_options={"weight_decay": 0.2, "adam_weight_decay": 0.0, "adam_lr_ratio": 0.1},
    warmup=0.02,
    augment="shift",
    precision="mixed_bfloat16",
)

if __name__ == "__main__":
    cli.run_file(__file__)
