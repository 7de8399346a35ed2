"""What TensorFlow's error messages say, for a person: the only module that searches its texts.

They are no interface, so nothing but the words shown depends on them. Written for TensorFlow 2.21;
`tests/test_tensorflow_errors.py` raises such errors.
"""

import re

# Lines that TensorFlow puts around the message of an operation, and names of operations within it.
AROUND = ("Graph execution error", "Detected at node", "<stack traces", "[[", "WARNING", "File ")
OPERATIONS = re.compile(r"\{\{.*?\}\}\s*|\s*\[Op:.*")
ALLOCATION = re.compile(r"(OOM when )?\ballocating .*?(?= by allocator| on /|\n|$)", re.IGNORECASE)
NO_PRIMITIVE = "could not create a primitive"  # of oneDNN, where it gets no memory
NO_ROOM = "No space left on device"  # which TensorFlow counts among the resources
LOST_WORKER = re.compile(r"(?:Collective ops is aborted by|coordination|Connection reset|remote target)[^\n]*")


def operation_message(error: BaseException) -> str:
    """Return the message of the operation that failed, or of the assertion, without what TensorFlow adds.

    Example:
    >>> operation_message(ValueError("{{function_node __wrapped__DecodeJpeg_}} Input is empty. [Op:DecodeJpeg]"))
    'Input is empty'
    """
    text = str(error)
    if isinstance(error, UnicodeDecodeError):  # its message has bytes of an input
        text = error.object.decode(errors="backslashreplace")
    lines = [line.strip() for line in text.splitlines()]
    message = next((line for line in lines if line and not line.startswith(AROUND)), type(error).__name__)
    message = OPERATIONS.sub("", message)
    if message.startswith("assertion failed: "):
        message = message.removeprefix("assertion failed: ").replace("] [", " ").strip("[] ")
    return message.rstrip(". ")


def out_of_memory(error: BaseException | None) -> str | None:
    """Return what could not be allocated, or `None` for an error that neither is one of memory nor came from one.

    Example:
    >>> out_of_memory(MemoryError("OOM when allocating tensor with shape[9] on /device:CPU:0 by allocator cpu"))
    'allocating tensor with shape[9]'
    """
    while error is not None:
        text = str(error)
        exhausted = type(error).__name__ == "ResourceExhaustedError" and "alloc" in text  # else a limit of gRPC's
        no_memory = isinstance(error, MemoryError) or exhausted
        if (no_memory or NO_PRIMITIVE in text) and NO_ROOM not in text:
            found = ALLOCATION.search(text)
            if found:
                return found.group().removeprefix("OOM when ").rstrip(".")
            return NO_PRIMITIVE if NO_PRIMITIVE in text else operation_message(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def lost_worker(error: BaseException) -> str | None:
    """Return the part of an error that says that another worker is gone, or `None` if it does not.

    Example:
    >>> lost_worker(OSError("Connection reset by peer.")), lost_worker(OSError("disk full"))
    ('Connection reset by peer', None)
    """
    found = LOST_WORKER.search(str(error))
    return found.group().rstrip(". ") if found else None
