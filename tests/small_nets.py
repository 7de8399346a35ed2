"""Every net of the zoo at a size that tests can afford."""

import cnnzoo

# The nets that are large are tested small, as their own options make them, and without dropout, whose noise
# is another on every replica.
ALEXNET = {"input_shape": (67, 67, 3), "dropout": 0.0}
SMALL = {
    "alexnet": ALEXNET,
    "caffenet": ALEXNET,
    "alexnet_owt": ALEXNET,
    **{
        name: {"maps": (6, 12), "input_dropout": 0.0, "dropout": 0.0}
        for name in cnnzoo.list_models()
        if name.startswith(("model_", "strided_cnn_", "conv_pool_cnn_", "all_cnn_"))
    },
}


def small(name, **options):
    return cnnzoo.create(name, **{**SMALL.get(name, {}), "classes": 10, **options})
