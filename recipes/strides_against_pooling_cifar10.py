"""The paper's own test of strides against pooling: All-CNN-C and its three siblings on CIFAR-10.

cnnzoo train strides_against_pooling_cifar10

"""

from cnnzoo import Study, cli, load_recipe

study = Study(
    recipe=load_recipe("all_cnn_c_cifar10"),
    variants={
        "model_c": {"model": "model_c"},
        "strided_cnn_c": {"model": "strided_cnn_c"},
        "conv_pool_cnn_c": {"model": "conv_pool_cnn_c"},
        "all_cnn_c": {"model": "all_cnn_c"},
    },
)

if __name__ == "__main__":
    cli.run_file(__file__)
