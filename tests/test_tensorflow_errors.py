"""What is shown of TensorFlow's errors: they are raised here by TensorFlow itself."""

import pytest
import tensorflow as tf

from cnnzoo.tensorflow_errors import failed_allocation, operation_message


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
    assert failed_allocation(raised.value).startswith("allocating tensor with shape[2097152,2097152]")
