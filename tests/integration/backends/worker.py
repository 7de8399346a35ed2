"""Compute under another backend of Keras what the files of a folder hold, and print how far apart the numbers are.

`KERAS_BACKEND=jax python tests/integration/backends/worker.py FOLDER`; `test_backends.py` writes the folder.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import cnnzoo.analysis
import cnnzoo.layers
import cnnzoo.models
import cnnzoo.optimizers  # noqa: F401 (read below, by its name)
import cnnzoo.weights
from tests.small_nets import small

LOGITS = {"classifier_activation": None}


def difference(found, expected):
    """Return the largest difference, as a share of the largest expected value."""
    found = np.array(keras.ops.convert_to_numpy(found), "float64")
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))


def outputs_and_gradients(layer, images, upstream):
    """Return outputs, and the gradients of `(outputs · upstream).sum()` for the images and each weight."""
    if keras.backend.backend() == "jax":
        import jax

        state = [variable.value for variable in layer.non_trainable_variables]

        def total(values, images):
            outputs, _ = layer.stateless_call(values, state, images)
            return (outputs * upstream).sum(), outputs

        values = [weight.value for weight in layer.trainable_weights]
        (_, outputs), (slopes, of_images) = jax.value_and_grad(total, (0, 1), has_aux=True)(values, images)
        return [outputs, of_images, *slopes]
    import torch

    images = torch.tensor(images, requires_grad=True)
    outputs = layer(images)
    (outputs * torch.tensor(upstream)).sum().backward()
    values = [weight.value for weight in layer.trainable_weights]
    return [outputs, images.grad, *(torch.zeros_like(each) if each.grad is None else each.grad for each in values)]


def layer_differences(case):
    ours = {"AveragePooling2D": cnnzoo.layers.AveragePooling2D}  # a configuration names Keras' own
    layer = keras.saving.deserialize_keras_object(json.loads(case.with_suffix(".json").read_text()), ours)
    arrays = np.load(case)
    if not layer.built:
        layer.build(arrays["images"].shape)
    layer.set_weights([arrays[name] for name in arrays.files if name.startswith("weight_")])
    expected = [arrays[name] for name in arrays.files if name.startswith("expected_")]
    found = outputs_and_gradients(layer, arrays["images"], arrays["upstream"])
    return [difference(one, other) for one, other in zip(found, expected, strict=True)]


def penalty_differences(case):
    """Return the difference of the losses before a step of training and after."""
    model = keras.models.model_from_json(case.with_suffix(".json").read_text())
    arrays = np.load(case)
    model.set_weights([arrays[name] for name in arrays.files if name.startswith("weight_")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    images, expected = arrays["images"], arrays["expected"]
    history = model.fit(images, images, batch_size=len(images), epochs=len(expected), verbose=0).history
    return [difference(np.array(history["loss"]), expected)]


def model_differences(case):
    """Return differences of logits, of the losses of each step of training, and of the logits after it."""
    told = case.with_suffix(".json")
    model = keras.models.model_from_json(told.read_text()) if told.is_file() else small(case.stem, **LOGITS)
    cnnzoo.weights.load(model, case.with_suffix(".weights.h5"))
    arrays = np.load(case)
    images, labels = arrays["images"], arrays["labels"]
    before = difference(model(images, training=False), arrays["before"])
    epochs = len(arrays["losses"])
    history = model.fit(images, labels, batch_size=len(images), epochs=epochs, verbose=0).history
    losses = difference(np.array(history["loss"]), arrays["losses"])
    return [before, losses, difference(model(images, training=False), arrays["after"])]


def shipped_differences(case):
    """Return the difference of the outputs of a model with weights that come with cnnzoo."""
    arrays = np.load(case)
    entry = cnnzoo.weights.shipped(*case.stem.split(" on "))
    model = cnnzoo.models.create(entry.model, weights=entry.weights, **entry.card["recipe"]["model_options"])
    return [difference(model(entry.preprocess_input(arrays["images"]), training=False), arrays["expected"])]


def reconstructions(images):
    """Return what the deconvnet and its siblings make of images through normalization and both kinds of pooling."""
    model, rng = cnnzoo.models.create("cuda_convnet"), np.random.default_rng(0)
    fan_ins = [np.prod(weight.shape[:-1]) for weight in model.weights]
    model.set_weights(
        [rng.normal(0, np.sqrt(2 / fan_in), each.shape) for each, fan_in in zip(model.weights, fan_ins, strict=True)]
    )
    images = 255 * np.repeat(images, 3, axis=-1) - 125
    methods = ("deconvolution", "gradient", "guided")
    found = [cnnzoo.analysis.deconvolution(model, images, "conv3", 2, method=method) for method in methods]
    assert all(each.any() for each in found)
    return found


def analysis_results(model, images):
    """Return top activations, feature visualizations, occlusion sensitivity and reconstructions."""
    values = [top.values for top in cnnzoo.analysis.top_activations(model, images, "C3", [1, 4], count=3)]
    optimized = cnnzoo.analysis.feature_visualization(model, "C3", [1, 4], images, steps=8)
    occlusion = cnnzoo.analysis.occlusion(model, images, window=16)
    return [np.array(values), optimized, occlusion, *reconstructions(images)]


def analysis_differences(case):
    """Return the differences of the results of the analysis."""
    model = cnnzoo.models.create("lenet")
    cnnzoo.weights.load(model, case.with_suffix(".weights.h5"))
    arrays = np.load(case)
    results = analysis_results(model, arrays["images"])
    return [difference(one, arrays[f"arr_{number}"]) for number, one in enumerate(results)]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    results = {case.stem: layer_differences(case) for case in sorted((folder / "layers").glob("*.npz"))}
    results |= {case.stem: penalty_differences(case) for case in sorted((folder / "penalties").glob("*.npz"))}
    results |= {case.stem: model_differences(case) for case in sorted((folder / "models").glob("*.npz"))}
    results |= {case.stem: analysis_differences(case) for case in sorted((folder / "analysis").glob("*.npz"))}
    results["tensorflow was loaded"] = "tensorflow" in sys.modules
    sys.modules["tensorflow"] = None  # Keras imports it, where it can, when a layer's configuration is compared
    results |= {case.stem: shipped_differences(case) for case in sorted((folder / "shipped").glob("*.npz"))}
    results["backend"] = keras.backend.backend()
    print(json.dumps(results))
