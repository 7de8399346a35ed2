"""Predictions of ONNX Runtime, LiteRT and OpenVINO, without Keras; in a process of its own, as they keep memory.

`python other_runtimes.py FOLDER PIXELS PREDICTIONS`: reads model.onnx and model.tflite in FOLDER and images in PIXELS
(.npy), and writes PREDICTIONS (.npz), an array for each file, runtime and batch size.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
from ai_edge_litert.interpreter import Interpreter


def by_onnx_runtime(file):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"images": pixels})[0]


def by_litert(file):
    serve = Interpreter(str(file)).get_signature_runner("serving_default")
    return lambda pixels: next(iter(serve(images=pixels).values()))


def by_openvino(file):
    options = {"INFERENCE_PRECISION_HINT": "f32"}  # it would take bfloat16 where the processor has it
    compiled = openvino.Core().compile_model(str(file), "CPU", options)
    return lambda pixels: compiled(pixels)[0]


RUNTIMES = [
    ("model.onnx", by_onnx_runtime),
    ("model.onnx", by_openvino),
    ("model.tflite", by_litert),
    ("model.tflite", by_openvino),
]

if __name__ == "__main__":
    folder, pixels, predictions = Path(sys.argv[1]), np.load(sys.argv[2]), {}
    for file, read in RUNTIMES:
        predict = read(folder / file)
        for batch in (1, len(pixels)):
            predictions[f"{file} {read.__name__} {batch}"] = predict(pixels[:batch])
    assert not {"tensorflow", "keras", "cnnzoo"} & {*sys.modules}
    np.savez(sys.argv[3], **predictions)
