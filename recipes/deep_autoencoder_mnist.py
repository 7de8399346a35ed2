"""The deep autoencoder of 2006 on MNIST: what 30 numbers keep of a digit, against 30 principal components.

    cnnzoo train deep_autoencoder_mnist

Squared error of a test image, summed over its pixels, n=1 (seed 0), on two cores of a Xeon that other work shared:
1.97, after 41 min; 30 principal components leave 13.87, the paper's net 3.00. Printed by
`benchmarks/recipe_results.py deep_autoencoder_mnist --seeds 1`, when the output layer still multiplied in float32 and
the loss was Keras' own; not repeated since. Rates, decay and shifts were chosen on the last 5,000 training images, held
out.
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
