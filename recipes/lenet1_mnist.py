"""LeNet-1, of 2,578 parameters, on all of MNIST.

    cnnzoo train lenet1_mnist
    cnnzoo train lenet1_mnist --set model_options.classifier_activation=softmax

It was not run yet, on two cores or elsewhere. LeCun et al. 1998, section III-C, have a test error of 1.7 % for this
net, which was trained one image at a time. Here it is AdamW with a cosine decay.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="lenet1",
    data="mnist",
    epochs=20,
    batch_size=128,
    learning_rate=1e-2,
    optimizer="adamw",
    optimizer_options={"weight_decay": 1e-3},
)

if __name__ == "__main__":
    cli.run_file(__file__)
