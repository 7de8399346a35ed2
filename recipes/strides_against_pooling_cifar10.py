"""The paper's own test of strides against pooling: All-CNN-C and its three siblings on CIFAR-10.

cnnzoo train strides_against_pooling_cifar10

"""

from cnnzoo import Recipe, Study, cli

study = Study(
    recipe=Recipe(
        model="model_c",
        data="cifar10",
        epochs=350,
        batch_size=128,
        learning_rate=0.01,
        schedule="step",
        drops=(200, 250, 300),
        optimizer="classicsgd",
        optimizer_options={"momentum": 0.9, "weight_decay": 0.001},
    ),
    variants={
        "model_c": {"model": "model_c"},
        "strided_cnn_c": {"model": "strided_cnn_c"},
        "conv_pool_cnn_c": {"model": "conv_pool_cnn_c"},
        "all_cnn_c": {"model": "all_cnn_c"},
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
