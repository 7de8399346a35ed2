"""Predictions of ONNX Runtime, LiteRT and OpenVINO, without Keras; in a process of its own, as they keep memory.

`python other_runtimes.py FOLDER INPUTS PREDICTIONS`: reads model.onnx and model.tflite in FOLDER and images, rows or
signals in INPUTS (.npy), and writes PREDICTIONS (.npz), an array for each file, runtime and batch size.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
from ai_edge_litert.interpreter import Interpreter


def by_onnx_runtime(file):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    return lambda inputs: session.run(None, {entry.name: inputs})[0]


def by_litert(file):
    serve = Interpreter(str(file)).get_signature_runner("serving_default")
    (entry,) = serve.get_input_details()
    return lambda inputs: next(iter(serve(**{entry: inputs}).values()))


def by_openvino(file):
    options = {"INFERENCE_PRECISION_HINT": "f32"}  # it would take bfloat16 where the processor has it
    compiled = openvino.Core().compile_model(str(file), "CPU", options)
    return lambda inputs: compiled(inputs)[0]


RUNTIMES = [
    ("model.onnx", by_onnx_runtime),
    ("model.onnx", by_openvino),
    ("model.tflite", by_litert),
    ("model.tflite", by_openvino),
]

if __name__ == "__main__":
    folder, inputs, predictions = Path(sys.argv[1]), np.load(sys.argv[2]), {}
    for file, read in RUNTIMES:
        predict = read(folder / file)
        for batch in (1, len(inputs)):
            predictions[f"{file} {read.__name__} {batch}"] = predict(inputs[:batch])
    assert not {"tensorflow", "keras", "cnnzoo"} & {*sys.modules}
    np.savez(sys.argv[3], **predictions)
