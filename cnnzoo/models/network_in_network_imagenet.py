"""Network in Network for ImageNet, which its authors published as a file of Caffe.

Lin, Chen and Yan, "Network In Network", 2013, https://arxiv.org/abs/1312.4400.
"""

from keras.layers import Dropout

from cnnzoo.models import scaffold
from cnnzoo.models.network_in_network import averaged_class_maps, mlpconv
from cnnzoo.models.pooling import pool_rounding_up
from cnnzoo.models.zfnet import decode_predictions as decode_predictions  # ImageNet's classes
from cnnzoo.models.zfnet import preprocess_input as preprocess_input  # a center of 224 pixels, the mean subtracted
from cnnzoo.optimizers import Adam, ClassicSGD

TASK = "classify"


def network_in_network_imagenet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="network_in_network_imagenet",
    *,
    initial_bias=1.0,
    dropout=0.5,
    compile=True,
):
    """Build Network in Network for ImageNet, as its authors' file for Caffe has it: 7,595,176 parameters at 224×224.

    Four mlpconv layers, as in `cnnzoo.network_in_network`; the maps of the classes are averaged. Pooling rounds up: 54
    pixels become 27. Where it deviates from the authors' file:

    - The biases of the class maps start at 1, and `initial_bias=0` is the file's own. The maps are rectified, as there,
      and what is rectified to 0 has no gradient.
    - It is compiled with Adam, under which it learns from few images, too; `compile="paper"` has the authors'.
    - Other input sizes average all positions of the class maps, where Caffe averages windows of 6×6.
    - `preprocess_input` subtracts one mean per color, where the file subtracts the mean image, and its colors are red,
      green, blue, where Caffe's are blue, green, red.

    Args:
        include_top: whether cccp8, one map per class, and its average follow.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 39×39; default `(224, 224, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of cccp7, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        initial_bias: initial bias of the class maps.
        dropout: fraction dropped after pool3 in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0003, under which it learns from the start;
            `"paper"` for Caffe's gradient descent: rate 0.01, of biases twice as much, momentum 0.9, decay 0.0005.

    Returns:
        A functional `keras.Model`. Layers: conv1, cccp1, cccp2, pool1, conv2, cccp3, cccp4, pool2, conv3, cccp5, cccp6,
        pool3, drop3, conv4, cccp7, cccp8, average, predictions.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Lin et al. 2013; the authors' `nin_imagenet` for Caffe, for layers, initial weights and training.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.network_in_network_imagenet(include_top=False).output_shape
    (None, 6, 6, 1024)
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (224, 224, 3), open_sides=True)
    x = mlpconv(x, 1, (96, 96, 96), 11, 4, padding="valid", deviation=0.01)
    x = pool_rounding_up(x, "pool1")
    x = mlpconv(x, 2, (256, 256, 256), 5)
    x = pool_rounding_up(x, "pool2")
    x = mlpconv(x, 3, (384, 384, 384), 3, deviation=0.01)
    x = pool_rounding_up(x, "pool3")
    x = Dropout(dropout, name="drop3")(x)
    x = mlpconv(x, 4, (1024, 1024), 3)
    if include_top:
        x = averaged_class_maps(x, classes, classifier_activation, initial_bias, name="cccp8", deviation=0.01)
    else:
        x = scaffold.pooled_features(x, pooling)

    paper = ClassicSGD(0.01, momentum=0.9, weight_decay={"*/kernel": 5e-4}, lr_multipliers={"*/bias": 2.0})
    optimizer = scaffold.chosen_optimizer(compile, Adam(3e-4), paper)
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=loss, optimizer=optimizer
    )
