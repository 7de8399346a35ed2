"""Walking through models of every shape, and leaving them as they were."""

import gc

import keras
import numpy as np
import pytest
from keras import layers, ops

import cnnzoo
from cnnzoo import layers as zoo
from cnnzoo.analysis import DisagreementError
from cnnzoo.analysis.layer_formulas import AUGMENTATIONS
from tests.analysis.nets import stack
from tests.layers.checking import graph_nodes


def encoder():
    return stack((16, 16, 3), layers.Conv2D(4, 3, name="conv"), layers.MaxPooling2D(2, name="pool"))


def living_variables():
    # By their type alone: `isinstance` also asks each thing for its `__class__`, of which some of PyTorch's warn.
    return [thing for thing in gc.get_objects() if issubclass(type(thing), keras.Variable)]


def test_nested_models_are_reported_layer_by_layer():
    inner = encoder()
    inner.name = "encoder"
    model = stack((16, 16, 3), layers.Rescaling(1 / 255), inner, layers.Flatten(), layers.Dense(2, name="fc"))
    report = cnnzoo.conv_report(model)
    assert [row.name for row in report.rows][2:5] == ["encoder/conv", "encoder/pool", report.rows[4].name]
    assert report["encoder/pool"].receptive_field == (4, 4)
    assert report["fc"].parameters == 7 * 7 * 4 * 2 + 2
    assert report.totals.parameters == model.count_params()


def test_shared_layers_and_models_have_parameters_once_and_products_at_every_call():
    shared, inner = layers.Conv2D(3, 3, padding="same", name="shared"), encoder()
    inner.name = "encoder"
    left, right = keras.Input((16, 16, 3), name="left"), keras.Input((16, 16, 3), name="right")
    joined = layers.Add()([inner(shared(left)), inner(shared(right))])
    report = cnnzoo.conv_report(keras.Model([left, right], joined))
    for name in ("shared", "encoder/conv"):
        first, second = report[name], report[f"{name} (call 2)"]
        assert (first.call, second.call, second.parameters) == (1, 2, 0)
        assert first.parameters == first.parameters_per_neuron * first.depth_out > 0
        assert first.connections == second.connections > 0
        assert first.multiply_adds == second.multiply_adds > 0
        assert first.unshared_parameters == second.unshared_parameters > 0
    assert "shared" in str(report)
    assert report.totals.parameters == 3 * 28 + 4 * 28


def test_layers_called_in_reverse_have_all_parameters_at_the_first_call():
    image = keras.Input((9, 9, 2))
    x = zoo.MaskingNoise(0.1, name="masking")(zoo.SaltAndPepperNoise(0.1, name="salt")(image))
    convolution = zoo.ReversibleConv2D(4, 3, strides=2, use_bias=False, name="conv")
    outer = zoo.ReversibleDense(5, "tanh", use_reverse_bias=False, name="hidden")
    inner = zoo.ReversibleDense(3, "sigmoid", name="code")
    hidden = outer(layers.Flatten()(convolution(x)))
    code = inner(hidden)
    x = zoo.ContractivePenalty(0.1, name="penalty")([hidden, code])
    x = layers.Reshape((4, 4, 4))(outer(inner(x, reverse=True), reverse=True))
    model = keras.Model(image, convolution(x, reverse=True))
    report = cnnzoo.conv_report(model)
    assert [report[name].parameters for name in ("code", "hidden", "conv")] == [
        5 * 3 + 3 + 5,
        64 * 5 + 5,
        9 * 2 * 4 + 2,
    ]
    assert [report[f"{name} (call 2)"].parameters for name in ("code", "hidden", "conv")] == [0, 0, 0]
    assert report.totals.parameters == model.count_params()
    for name, inputs, outputs, bias in (("code", 3, 5, 1), ("hidden", 5, 64, 0)):
        back = report[f"{name} (call 2)"]
        assert (back.parameters_per_neuron, back.multiply_adds) == (inputs + bias, inputs * outputs)
        assert back.connections == (inputs + bias) * outputs
        assert back.multiply_adds == report[name].multiply_adds
    back = report["conv (call 2)"]
    assert back.multiply_adds == 4 * 4 * 4 * 9 * 2
    assert back.connections == back.multiply_adds + 9 * 9 * 2
    assert back.output_shape == (9, 9, 2)
    for name in ("salt", "masking", "penalty"):
        assert (report[name].parameters, report[name].multiply_adds) == (0, 0)
    assert report["penalty"].output_shape == (3,)


def test_inputs_by_name_and_several_outputs():
    first, second = keras.Input((8, 8, 2), name="a"), keras.Input((5,), name="b")
    inner = keras.Model({"a": first, "b": second}, [layers.Conv2D(2, 3)(first), layers.Dense(4)(second)], name="two")
    big, small = keras.Input((8, 8, 2)), keras.Input((5,))
    maps, features = inner({"b": small, "a": big})
    model = keras.Model([big, small], [maps, layers.Dense(3, name="head")(features)])
    report = cnnzoo.conv_report(model)
    assert report["head"].input_shapes == ((4,),)
    assert report["head"].receptive_field == ()
    assert report.totals.parameters == model.count_params()


def test_arithmetic_on_tensors():
    inputs = keras.Input((8, 8, 2))
    x = ops.relu(layers.Conv2D(2, 3, padding="same")(inputs) * 0.5 + inputs)
    x = ops.concatenate([x, ops.sigmoid(inputs)], axis=-1)
    model = keras.Model(inputs, layers.Dense(2)(ops.reshape(x, (-1, 8, 32))))
    report = cnnzoo.conv_report(model)
    assert [
        row.layer_type for row in report.rows if row.layer_type in ("Multiply", "Add", "Relu", "Concatenate", "Reshape")
    ] == [*("Multiply", "Add", "Relu", "Concatenate", "Reshape")]
    assert report.rows[-2].memory_bytes == 0
    assert report.rows[-1].receptive_field == (8, 8)  # the reshaping has laid columns into the depth


def test_private_layers_of_keras_applications():
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, StochasticDepth(0.5)(LayerScale(1e-6, 3)(inputs)))
    report = cnnzoo.conv_report(model)
    assert [row.parameters for row in report.rows] == [0, 3, 0]


def test_sequential_models():
    model = keras.Sequential([layers.Conv2D(2, 3, name="conv"), layers.Flatten()])
    with pytest.raises(
        cnnzoo.InputError, match=r"start it with keras.Input\(shape\), such as keras.Input\(\(28, 28, 1\)\)"
    ):
        cnnzoo.conv_report(model)
    model.build((None, 6, 6, 1))
    assert cnnzoo.conv_report(model)["conv"].output_shape == (4, 4, 2)
    started = keras.Sequential([keras.Input((6, 6, 1), name="images"), layers.Conv2D(2, 3, name="conv")])
    assert [row.name for row in cnnzoo.conv_report(started).rows] == ["images", "conv"]


def test_open_sides_are_given():
    model = stack((None, None, 3), layers.Conv2D(2, 3, name="conv"), layers.GlobalAveragePooling2D())
    assert cnnzoo.conv_report(model, input_shape=(9, 7, 3))["conv"].output_shape == (7, 5, 2)
    assert cnnzoo.conv_report(model, input_shape=[(9, 7, 3)])["conv"].output_shape == (7, 5, 2)
    with pytest.raises(cnnzoo.InputError, match=r"leaves sides of its input 'images' open, \(None, None, 3\)"):
        cnnzoo.conv_report(model)
    with pytest.raises(cnnzoo.InputError, match=r"built for the input shape \(None, None, 3\), which .*\(9, 7, 1\)"):
        cnnzoo.conv_report(model, input_shape=(9, 7, 1))
    with pytest.raises(cnnzoo.InputError, match=r"layer 'conv' cannot take inputs of \(2, 7, 3\)"):
        cnnzoo.conv_report(model, input_shape=(2, 7, 3))
    for wrong in ((9, 7), (9, 0, 3), "9x7x3", (9.0, 7, 3), 9):
        with pytest.raises(cnnzoo.InputError, match="input"):
            cnnzoo.conv_report(model, input_shape=wrong)


def test_several_inputs_take_a_list_of_shapes():
    sides = [keras.Input((None, None, 2)), keras.Input((4,))]
    model = keras.Model(sides, [layers.Conv2D(1, 3, name="conv")(sides[0]), layers.Dense(2)(sides[1])])
    assert cnnzoo.conv_report(model, input_shape=[(5, 6, 2), (4,)])["conv"].output_shape == (3, 4, 1)
    with pytest.raises(cnnzoo.InputError, match="has 2 inputs: `input_shape` must be a list of 2 shapes"):
        cnnzoo.conv_report(model, input_shape=(5, 6, 2))


def test_models_by_name():
    assert cnnzoo.conv_report("lenet", input_shape=(28, 28, 3))["C1"].parameters == 456
    with pytest.raises(cnnzoo.InputError, match="unknown model 'lenet6'; did you mean"):
        cnnzoo.conv_report("lenet6")
    with pytest.raises(cnnzoo.InputError, match="three positive integers"):
        cnnzoo.conv_report("lenet", input_shape=(28, 28))
    with pytest.raises(cnnzoo.InputError, match="which input_shape=\\(40, 40, 1\\) contradicts"):
        cnnzoo.conv_report(cnnzoo.lenet(), input_shape=(40, 40, 1))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Halved(keras.layers.Layer):
    def call(self, inputs):
        return inputs[:, ::2]


class TwoKernels(keras.layers.Conv2D):
    def build(self, input_shape):
        super().build(input_shape)
        self.second = self.add_weight(shape=self.kernel.shape)


class Smaller(keras.layers.Conv2D):
    def compute_output_shape(self, input_shape):
        return (input_shape[0], 4, 4, self.filters)

    def call(self, inputs):
        return super().call(inputs)[:, 1:5, 1:5]


class Tempered(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = self.add_weight(shape=())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (3, "`model` must be a name of cnnzoo.list_models() or a Keras model. Received: 3"),
        (keras.Model, "Received: <class 'keras.src.models.model.Model'>"),
        (layers.Dense(3), "Received: <Dense name="),
        (Subclassed(name="mine"), "mine is a subclassed model (Subclassed)"),
        (stack((5, 3), layers.LSTM(4, name="lstm")), "layer 'lstm' is a LSTM, whose arithmetic conv_report does not"),
        (
            stack((5, 3), Doubled(name="mine")),
            "if every output of Doubled depends only on the inputs at its position, pass elementwise=(Doubled,), "
            "else report on the part of the net before",
        ),
        (stack((5, 3), ops.cumsum), "whose arithmetic conv_report does not know; build the net from layers instead"),
        (
            stack((3, 8, 8), layers.Conv2D(2, 3, data_format="channels_first", name="c")),
            "layer 'c' is channels_first",
        ),
        (
            stack((8, 8, 3), layers.Resizing(4, 4, antialias=True, name="r")),
            "layer 'r' (Resizing) resizes in a way that conv_report does not know",
        ),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_what_has_no_formula_is_refused(model, words):
    with pytest.raises(cnnzoo.InputError) as error:
        cnnzoo.conv_report(model)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "layer",
    [
        layers.LSTM(4, return_sequences=True),
        layers.Bidirectional(layers.GRU(2, return_sequences=True)),
        layers.SpectralNormalization(layers.Conv1D(3, 3, padding="same")),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_of_keras_are_not_offered_to_count_as_elementwise(layer):
    with pytest.raises(cnnzoo.InputError, match="does not know; report on the part of the net before it") as error:
        cnnzoo.conv_report(stack((5, 3), layer))
    assert "elementwise" not in str(error.value)


def test_layers_of_ones_own_that_work_element_by_element():
    model = stack((8, 8, 3), Doubled(name="mine"), layers.Conv2D(2, 3, name="conv"))
    report = cnnzoo.conv_report(model, elementwise=(Doubled,))
    assert report["mine"].output_shape == (8, 8, 3)
    assert report["conv"].receptive_field == (3, 3)
    assert cnnzoo.conv_report(model, elementwise=Doubled).rows == report.rows
    with pytest.raises(cnnzoo.InputError, match=r"'mine'.* does not work element by element"):
        cnnzoo.conv_report(stack((8, 8, 3), Halved(name="mine")), elementwise=[Halved])
    with pytest.raises(cnnzoo.InputError, match=r"layer classes in a tuple, such as .*\. Received: 'Doubled'"):
        cnnzoo.conv_report(model, elementwise="Doubled")


def test_a_layer_that_is_not_what_its_class_says_is_not_printed():
    words = r"layer 'odd' \(TwoKernels\) has 110 parameters, and the formulas give 56: it has weights that the formulas"
    with pytest.raises(DisagreementError, match=words):
        cnnzoo.conv_report(stack((8, 8, 3), TwoKernels(2, 3, name="odd")))
    with pytest.raises(DisagreementError, match=r"'odd' \(Smaller\) has the output \(4, 4, 2\), .* \(6, 6, 2\)"):
        cnnzoo.conv_report(stack((8, 8, 3), Smaller(2, 3, name="odd")))
    inputs = keras.Input((4,))
    with pytest.raises(DisagreementError, match="10 parameters, and the model 11: it has weights that belong to none"):
        cnnzoo.conv_report(Tempered(inputs, layers.Dense(2)(inputs)))


@pytest.mark.parametrize("change", [lambda layer: layer.quantize("int8"), lambda layer: layer.enable_lora(2)])
def test_quantized_and_adapted_layers_are_refused_in_a_sentence(change):
    model = stack((4, 3), layers.Dense(5, name="fc"))
    change(model.get_layer("fc"))
    words = r"layer 'fc' \(Dense\) has .* because it is quantized, has LoRA, or is a subclass with weights of its own"
    with pytest.raises(cnnzoo.InputError, match=words) as error:
        cnnzoo.conv_report(model)
    assert isinstance(error.value, DisagreementError)


def test_subclasses_are_what_they_derive_from():
    class Mine(layers.Conv2D):
        pass

    row = cnnzoo.conv_report(stack((8, 8, 3), Mine(2, 3, name="conv")))["conv"]
    assert (row.layer_type, row.parameters) == ("Mine", 56)


def test_frozen_layers_count_as_fixed():
    model = stack((8, 8, 3), layers.Conv2D(2, 3, name="conv"))
    model.get_layer("conv").trainable = False
    row = cnnzoo.conv_report(model)["conv"]
    assert (row.trained_parameters, row.fixed_parameters, row.parameters) == (0, 56, 56)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16", "float64"])
def test_memory_follows_the_layers_dtype(dtype):
    row = cnnzoo.conv_report(stack((8, 8, 3), layers.Conv2D(2, 3, dtype=dtype, name="conv")))["conv"]
    assert row.memory_bytes == 6 * 6 * 2 * {"mixed_bfloat16": 2, "float16": 2, "float64": 8}[dtype]


def test_the_model_is_left_as_it_was():
    inner = encoder()
    inner.name = "encoder"
    inputs = keras.Input((16, 16, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    model = keras.Model(inputs, layers.Dropout(0.5)(inner(shared(shared(inputs))) * 2))
    free = stack((None, None, 3), layers.Conv2D(2, 3), layers.BatchNormalization())
    before = graph_nodes(model), graph_nodes(free)
    variables = living_variables()  # held, so none goes
    cnnzoo.conv_report(model)
    cnnzoo.conv_report(free, input_shape=(50, 50, 3))
    assert (graph_nodes(model), graph_nodes(free)) == before
    known = set(map(id, variables))
    assert not [variable for variable in living_variables() if id(variable) not in known]


@pytest.mark.parametrize(
    "name",
    [
        *("MobileNetV2", "MobileNetV3Small", "ResNet50V2", "EfficientNetB0", "ConvNeXtTiny"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (
                *("MobileNet", "DenseNet121", "InceptionV3", "InceptionResNetV2", "Xception"),
                *("EfficientNetV2B0", "NASNetMobile", "ResNet50"),
            )
        ),
    ],
)
def test_keras_applications(name):
    model = getattr(keras.applications, name)(weights=None)
    open_sides = None in model.input_shape[1:]
    report = cnnzoo.conv_report(model, input_shape=(224, 224, 3) if open_sides else None)
    assert report.totals.parameters == model.count_params()
    assert len(report.rows) >= len(model.layers)
    assert report.rows[-1].output_shape == (1000,)
    assert set(report.rows[-1].receptive_field) == set(report.rows[0].output_shape[:2])


def test_whitening_relates_every_value_to_every_other():
    model = stack((4, 5, 2), zoo.ZCAWhitening(name="whitening"), layers.Conv2D(3, 3, name="conv"))
    report = cnnzoo.conv_report(model)
    row = report["whitening"]
    assert (row.parameters, row.multiply_adds, row.receptive_field) == (40 * 40 + 40, 40 * 40, (4, 5))
    assert row.fixed_parameters == model.get_layer("whitening").count_params()
    assert report["conv"].receptive_field == (4, 5)


def test_a_layer_at_each_step_has_its_parameters_once_and_its_products_at_each():
    video = keras.Input((5, 16, 16, 3), name="video")
    convolution = layers.Conv2D(4, 3, strides=2, name="conv")
    x = layers.TimeDistributed(convolution, name="steps")(video)
    model = keras.Model(video, layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(x))
    report = cnnzoo.conv_report(model)
    image = keras.Input((16, 16, 3))
    single = cnnzoo.conv_report(keras.Model(image, layers.Conv2D(4, 3, strides=2, name="conv")(image)))["conv"]
    row = report["steps"]
    assert (row.output_shape, row.parameters) == ((5, 7, 7, 4), single.parameters)
    assert (row.multiply_adds, row.connections) == (5 * single.multiply_adds, 5 * single.connections)
    assert row.unshared_parameters == 5 * single.unshared_parameters
    assert (row.receptive_field, row.jump) == ((1, 3, 3), (1, 2, 2))
    assert (row.window, row.stride) == ((1, 3, 3), (1, 2, 2))
    assert report["pooled"].receptive_field == (1, 16, 16)
    assert report.totals.parameters == model.count_params()


def test_a_model_at_each_step_is_one_row():
    inner = cnnzoo.lenet(compile=False)
    video = keras.Input((5, 32, 32, 1))
    model = keras.Model(video, layers.TimeDistributed(inner, name="steps")(video))
    row, totals = cnnzoo.conv_report(model)["steps"], cnnzoo.conv_report(inner).totals
    assert (row.output_shape, row.parameters) == ((5, 10), 61_706)
    assert (row.multiply_adds, row.connections) == (5 * totals.multiply_adds, 5 * totals.connections)
    assert row.receptive_field == (1, 32, 32)


def test_what_is_unknown_at_each_step_is_named():
    video = keras.Input((5, 6, 4))
    model = keras.Model(video, layers.TimeDistributed(layers.LSTM(3, name="inner"), name="steps")(video))
    with pytest.raises(cnnzoo.InputError, match="layer 'steps/inner' is a LSTM, whose arithmetic"):
        cnnzoo.conv_report(model)


def augmentation(cls):
    options = {
        **dict.fromkeys(["RandomRotation", "RandomZoom", "RandomShear", "RandomContrast", "RandomBrightness"], (0.2,)),
        **dict.fromkeys(["RandomColorDegeneration", "RandomHue", "RandomSaturation", "RandomSharpness"], (0.5,)),
        "RandomTranslation": (0.1, 0.1),
        "RandomPosterization": (4,),
    }
    return cls(*options.get(cls.__name__, ()), name="layer")


@pytest.mark.parametrize("cls", AUGMENTATIONS, ids=lambda cls: cls.__name__)
def test_random_augmentation_passes_images_on(cls):
    model = stack((12, 10, 3), augmentation(cls), layers.Conv2D(2, 3, name="conv"))
    images = np.random.default_rng(0).uniform(0, 255, (2, 12, 10, 3)).astype("float32")
    np.testing.assert_allclose(model.layers[1](images, training=False), images, atol=1e-4)
    report = cnnzoo.conv_report(model)
    assert (report["layer"].parameters, report["layer"].multiply_adds) == (0, 0)
    assert report["layer"].receptive_field == (1, 1)
    assert report["conv"].receptive_field == (3, 3)


def test_crops_of_the_middle_are_crops():
    images = np.random.default_rng(0).random((1, 13, 10, 3)).astype("float32")
    model = stack((13, 10, 3), layers.CenterCrop(8, 8, name="layer"))
    np.testing.assert_array_equal(model(images), images[:, 2:10, 1:9])
    row = cnnzoo.conv_report(model)["layer"]
    assert (row.output_shape, row.receptive_field, row.padding) == ((8, 8, 3), (1, 1), ((-2, -3), (-1, -1)))
    assert cnnzoo.conv_report(stack((8, 8, 3), layers.RandomCrop(8, 8, name="layer")))["layer"].parameters == 0
    for layer in (layers.CenterCrop(14, 8), layers.RandomCrop(8, 8)):
        with pytest.raises(cnnzoo.InputError, match=r"resizes \(13, 10\) to \(\d+, 8\) at inference"):
            cnnzoo.conv_report(stack((13, 10, 3), layer))
