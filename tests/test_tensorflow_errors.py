"""What is shown of TensorFlow's errors: they are raised here by TensorFlow itself."""

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.tensorflow_errors import operation_message, out_of_memory


def error_of(function, compiled):
    with pytest.raises((tf.errors.OpError, UnicodeDecodeError, ValueError)) as raised:
        (tf.function(function) if compiled else function)()
    return raised.value


@pytest.mark.parametrize("compiled", [False, True])
def test_the_message_is_the_operations_own(compiled):
    error = error_of(lambda: tf.io.decode_jpeg(tf.constant(b"")), compiled)
    assert operation_message(error) == "Input is empty"


def test_an_assertion_in_a_graph_is_a_sentence_with_its_values():
    def check():
        side = tf.reduce_sum(tf.constant([3, 4]))
        tf.debugging.Assert(side < 7, ["a side must be below 7, not", side])

    assert operation_message(error_of(check, compiled=True)) == "a side must be below 7, not 7"


def test_of_memory_it_is_said_what_does_not_fit():
    with pytest.raises(tf.errors.ResourceExhaustedError) as raised:
        tf.zeros((2**21, 2**21))
    assert out_of_memory(raised.value).startswith("allocating tensor with shape[2097152,2097152]")


def test_memory_is_seen_behind_an_error_that_came_of_it_and_nowhere_else():
    with pytest.raises(tf.errors.ResourceExhaustedError) as raised:
        tf.zeros((2**21, 2**21))
    later = cnnzoo.InputError("a model cannot be built")
    later.__cause__ = raised.value
    assert out_of_memory(later).startswith("allocating tensor")
    with pytest.raises(MemoryError) as raised:
        np.empty(2**60, "uint8")
    assert out_of_memory(raised.value).startswith("Unable to allocate 1.00 EiB")
    text = "Operation received an exception:Status: 1, message: could not create a primitive, in file a.cc:685"
    assert out_of_memory(tf.errors.AbortedError(None, None, text)) == "could not create a primitive"
    assert out_of_memory(tf.errors.ResourceExhaustedError(None, None, "a; No space left on device")) is None
    assert out_of_memory(ValueError("no")) is None
    assert out_of_memory(tf.errors.ResourceExhaustedError(None, None, "Received message larger than max")) is None
    after = ValueError("something else")
    after.__context__, after.__suppress_context__ = MemoryError(), True  # `raise … from None`
    assert out_of_memory(after) is None
