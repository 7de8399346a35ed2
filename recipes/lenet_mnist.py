"""The textbook LeNet on MNIST in six epochs: 99 % in well under half a minute.

    cnnzoo train lenet_mnist

Test error after the last epoch, n=3 (seeds 0 to 2), on two cores of a Xeon that other work shared:
0.720 % ± 0.070 (0.80, 0.69, 0.67), 24 to 25 s. ± is the standard deviation. Printed by
`benchmarks/recipe_results.py lenet_mnist`. Rate and activation were chosen on a twelfth of the training images.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet",
    data="mnist",
    epochs=6,
    batch_size=128,
    learning_rate=6e-3,
    model_options={"activation": "relu"},
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.05},
)

if __name__ == "__main__":
    cli.run_file(__file__)
