r"""The paper's own test of strides against pooling: All-CNN-C and its three siblings on CIFAR-10.

    cnnzoo train strides_against_pooling_cifar10

In full, 350 epochs of the nets as published, it was not run: on two cores it would take weeks. The paper's test
error with a convolution in place of pooling is 9.08 % (Springenberg et al. 2014, All-CNN-C).

Cut down, to nets a sixth as wide, 20,000 images and 12 epochs:

    cnnzoo train strides_against_pooling_cifar10 --set model_options.maps=16,32 --set model_options.dropout=0.2 \
        --set model_options.input_dropout=0 --set train_examples=20000 --set epochs=12 --set batch_size=64 \
        --set learning_rate=0.02 --set schedule=cosine --set "lr_drop_epochs=()" --set seeds=0,1

Test error after the last epoch, n=2 (seeds 0 and 1), on two cores of an AMD EPYC that other work shared, 162 to 404 s a
run; ± is the standard deviation: `model_c` 35.0 % ± 0.8, `conv_pool_cnn_c` 36.7 ± 1.6, `all_cnn_c` 42.1 ± 0.6,
`strided_cnn_c` 42.3 ± 1.1. At this size and with so few epochs pooling wins, and the paper's order is not reproduced.
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
