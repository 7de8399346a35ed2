"""The graph of one step of an optimizer."""

import collections

import keras
import tensorflow as tf


def operations(optimizer, shapes):
    """Return how often each operation stands in a step for weights of some shapes, under the current strategy."""
    strategy = tf.distribute.get_strategy()
    weights = [keras.Variable(tf.ones(shape)) for shape in shapes]
    optimizer.build(weights)

    @tf.function
    def step():
        strategy.run(lambda: optimizer.apply([tf.ones(shape) for shape in shapes], weights))

    graph = step.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return collections.Counter(node.op for node in nodes)
