"""Load a variational autoencoder under another backend, evaluate and train it, and print the results as JSON."""

import json
import sys

import keras
import numpy as np

import cnnzoo

if __name__ == "__main__":
    model = keras.models.load_model(sys.argv[1])
    images = np.load(sys.argv[2])
    evaluated = model.evaluate(images, images, batch_size=len(images), verbose=0, return_dict=True)
    likelihood = cnnzoo.analysis.log_likelihood(model, images, samples=200)
    history = model.fit(images, images, epochs=30, batch_size=16, verbose=0).history
    results = {
        "backend": keras.backend.backend(),
        "evaluated": evaluated,
        "likelihood": float(likelihood.mean()),
        "history": history,
        "samples": cnnzoo.sample(model, 3).shape,
        "tensorflow was loaded": "tensorflow" in sys.modules,
    }
    print(json.dumps(results))
