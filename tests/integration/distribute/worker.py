"""A worker of `test_multi_worker.py`, or the one process with the same result: trains, evaluates, and saves."""

import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import strategy

BATCH, EXAMPLES = 64, 410  # the last batch is partial: 26


def main(folder: str, kind: str) -> None:
    chosen = tf.distribute.MultiWorkerMirroredStrategy() if kind == "plain" else strategy(kind)
    keras.utils.set_random_seed(0)
    with chosen.scope():
        model = cnnzoo.lenet()
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), model.loss, metrics=["accuracy"])
    digits = cnnzoo.data.load("digits").train[:EXAMPLES]
    images = np.asarray(cnnzoo.models.lenet.preprocess_input(digits.images, (32, 32, 1)))
    batches = tf.data.Dataset.from_tensor_slices((images, digits.labels)).batch(BATCH)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batches = batches.with_options(options)
    model.fit(batches, epochs=8, shuffle=False, verbose=0)  # 56 steps
    evaluated = model.evaluate(batches, verbose=0)
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"] if "TF_CONFIG" in os.environ else "alone"
    np.savez(Path(folder) / f"{index}.npz", *model.get_weights(), evaluated=evaluated)


if __name__ == "__main__":
    main(*sys.argv[1:])
