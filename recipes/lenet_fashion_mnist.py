"""The textbook LeNet on Fashion-MNIST, with rectified units, max pooling and dropout.

    cnnzoo train lenet_fashion_mnist

Test accuracy after the last epoch, n=3 (seeds 0 to 2), on two cores of a Xeon that other work shared:
91.38 % ± 0.08 (91.38, 91.30, 91.46), 43 to 77 s. ± is the standard deviation. Printed by
`benchmarks/recipe_results.py lenet_fashion_mnist`. Dropout was chosen on the last 5,000 training images.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet",
    data="fashion_mnist",
    epochs=15,
    batch_size=128,
    learning_rate=3e-3,
    model_options={"activation": "relu", "subsampling": "max", "dropout": 0.2},
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
