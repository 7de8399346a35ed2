"""What a fit shows: figures that were computed by hand, in a terminal of any width, and nothing where nobody looks."""

import builtins
import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
import textwrap

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.callbacks import Progress, pace, progress, style_of

ERASED = "\r\x1b[2K"


class Time(keras.callbacks.Callback):
    """A clock that goes on by what a fit is said to take; each of its two halves stands on one side of `Progress`."""

    def __init__(self, compiling=8.0, step=2.0, validation=3.0, checkpoint=1.0):
        super().__init__()
        self.now, self.first = 100.0, True
        self.compiling, self.one_step, self.validation, self.checkpoint = compiling, step, validation, checkpoint

    def on_train_batch_end(self, batch, logs=None):
        self.now += self.one_step + self.compiling * self.first
        self.first = False

    def on_test_end(self, logs=None):
        self.now += self.validation

    @property
    def after(self):
        def wait(epoch, logs):
            self.now += self.checkpoint

        return keras.callbacks.LambdaCallback(on_epoch_end=wait)


def shown(time=None, epochs=5, begun=1, validated=True, metrics=("accuracy",), execution=1, **options):
    """Fit 4 steps of 8 images an epoch, and return the history."""
    keras.utils.set_random_seed(0)
    time = time or Time()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=list(metrics), steps_per_execution=execution)
    images, labels = np.random.default_rng(0).random((32, 3)), np.arange(32) % 2
    own = Progress(batch_size=8, clock=lambda: time.now, **options)
    return model.fit(
        images,
        labels,
        batch_size=8,
        epochs=epochs,
        initial_epoch=begun,
        validation_data=(images, labels) if validated else None,
        verbose=0,
        callbacks=[time, own, time.after],
    ).history


def lines_of(**options):
    file = io.StringIO()
    history = shown(verbose=2, file=file, **options)
    return file.getvalue().splitlines(), history


def test_figures_are_those_computed_by_hand():
    lines, history = lines_of()
    figures = [
        f"loss {history['loss'][row]:.4f}  accuracy {history['accuracy'][row]:.4f}  "
        f"val_accuracy {history['val_accuracy'][row]:.4f}"
        for row in range(4)
    ]
    assert lines == [
        # 10 + 3 · 2 + 3 s; 3 steps of 8 images in 6 s; three epochs of 4 · 2 + 3 s are left.
        f"epoch 2/5  {figures[0]}  4 images/s  19.0 s  0:33 left",
        # 4 · 2 + 3 s; what comes after an epoch's steps is known of this one alone.
        f"epoch 3/5  {figures[1]}  4 images/s  11.0 s  0:22 left",
        # After the steps came 3 + 1 and 3 s, in the middle 3.5; 11.5 s are rounded up.
        f"epoch 4/5  {figures[2]}  4 images/s  11.0 s  0:12 left",
        f"epoch 5/5  {figures[3]}  4 images/s  11.0 s",
    ]


def test_a_later_fit_of_the_run_counts_as_well():
    lines, _ = lines_of(epochs=3, begun=0, later=10, part="this phase", title="epochs 1 to 3: 4 layers frozen")
    assert lines[0] == "epochs 1 to 3: 4 layers frozen"
    assert [line.split()[1] for line in lines[1:]] == ["1/13", "2/13", "3/13"]
    assert lines[1].endswith("19.0 s  0:22 left in this phase, ≥ 2:12 in all")  # 2 and 12 epochs of 11 s
    assert lines[3].endswith("11.0 s  ≥ 1:55 left")


def test_what_is_not_known_is_left_out():
    """Of one execution an epoch, in the first of which the net is compiled, only a second epoch gives a rate."""
    lines, _ = lines_of(epochs=3, begun=0, execution=4, validated=False)
    lr_multipliers = [re.findall(r"(\S+) images/s", line) for line in lines]
    assert lr_multipliers == [[], ["16"], ["16"]]  # 4 steps of 8 images in the 2 s that this clock gives an execution
    assert "left" not in lines[0]
    assert lines[1].endswith("  2.0 s  0:02 left")


def test_steps_where_nobody_says_how_many_images_are_in_one():
    file = io.StringIO()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    time = Time(step=0.25)
    callbacks = [time, Progress(2, clock=lambda: time.now, file=file)]
    model.fit(np.zeros((8, 3)), np.zeros(8), batch_size=2, verbose=0, callbacks=callbacks)
    assert file.getvalue() == "epoch 1/1  loss 0  4 steps/s  9.0 s\n"


@pytest.mark.parametrize("seed", range(5))
def test_pace_of_random_epochs(seed):
    """The rate is that of all steps but the first execution's; time left, that of the median epoch."""
    generator = np.random.default_rng(seed)
    now, steps, epochs = 0.0, 6, 4
    measured = pace.Pace(steps, clock=lambda: now)
    taken = generator.uniform(0.1, 5, (epochs, steps + 1))
    for epoch, (rest, *each) in enumerate(taken):
        measured.begin_epoch()
        for done, seconds in enumerate(each, start=1):
            now += seconds
            measured.step(done)
        left_out = 1 if epoch == 0 else 0
        rate = (steps - left_out) / sum(each[left_out:])
        assert measured.steps_per_second == pytest.approx(rate)
        now += rest
        measured.end_epoch()
        known = taken[min(1, epoch) : epoch + 1]
        training = np.median(known[:, 1:].sum(axis=1)) if epoch else steps / rate
        assert measured.seconds_left(7) == pytest.approx(7 * (training + np.median(known[:, 0])))


class Screen:
    """As much of a terminal as a line that is drawn again needs: lines, and whether one was ever wrapped."""

    def __init__(self, columns):
        self.columns, self.lines, self.wrapped, self.states = columns, [""], False, []

    def feed(self, text):
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\n":
                self.lines.append("")
            elif token == "\r":
                self.states.append(self.lines[-1])
            elif token == "\x1b[2K":
                self.lines[-1] = ""
            elif not token.startswith("\x1b"):
                self.lines[-1] += token
                self.wrapped |= len(self.lines[-1]) >= self.columns
            else:
                assert token.endswith("m"), f"{token!r} does more than to color"
        return self


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes a terminal of so many columns: a file, and what reads all that was written."""
    descriptors, files = [], []
    for name, value in {"TERM": "xterm-256color", "NO_COLOR": None, "COLORTERM": None, "PYCHARM_HOSTED": None}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(progress, "PAUSE", 0)

    def make(columns, encoding="utf-8"):
        monkeypatch.setenv("COLUMNS", str(columns))  # of this process; it has another terminal, or none
        controller, terminal = pty.openpty()
        descriptors.append(controller)
        files.append(os.fdopen(terminal, "w", encoding=encoding, newline=""))

        def read():
            files[-1].flush()
            os.write(terminal, b"\0")
            written = b""
            while not written.endswith(b"\0"):
                written += os.read(controller, 65536)
            return written[:-1].decode(encoding).replace("\r\n", "\n")

        return files[-1], read

    yield make
    for each in files:
        each.close()
    for each in descriptors:
        os.close(each)


def test_one_line_lives_and_every_epoch_leaves_one(terminal):
    file, read = terminal(100)
    history = shown(file=file, epochs=2, begun=0, validated=False)
    screen = Screen(100).feed(read())
    loss, accuracy = ([f"{value:.4f}" for value in history[name]] for name in ("loss", "accuracy"))
    assert screen.lines == [
        f"epoch 1/2  loss {loss[0]}  accuracy {accuracy[0]}  4 images/s  16.0 s  0:08 left",
        f"epoch 2/2  loss {loss[1]}  accuracy {accuracy[1]}  4 images/s  8.0 s",
        "",
    ]
    live = [state for state in screen.states if "%" in state]
    assert [re.sub(r"(loss|accuracy) \S+", r"\1", state) for state in live] == [
        "epoch 1/2  ━━━━━━━━━━   0%",
        "epoch 1/2  ━━━━━━━━━━  25%  loss  accuracy",
        "epoch 1/2  ━━━━━━━━━━  50%  loss  accuracy  4 images/s  0:12 left",
        "epoch 1/2  ━━━━━━━━━━  75%  loss  accuracy  4 images/s  0:10 left",
        "epoch 1/2  ━━━━━━━━━━ 100%  loss  accuracy  4 images/s  0:08 left",
        "epoch 2/2  ━━━━━━━━━━   0%  0:09 left",
        "epoch 2/2  ━━━━━━━━━━  25%  loss  accuracy  4 images/s  0:07 left",
        "epoch 2/2  ━━━━━━━━━━  50%  loss  accuracy  4 images/s  0:05 left",
        "epoch 2/2  ━━━━━━━━━━  75%  loss  accuracy  4 images/s  0:03 left",
        "epoch 2/2  ━━━━━━━━━━ 100%  loss  accuracy  4 images/s  0:01 left",
    ]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_no_terminal_is_too_narrow(terminal, columns):
    file, read = terminal(columns)
    metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(1, name="top_1_of_several_thousand")]
    title = "pretraining 1 of 2: encoder_1, 28×28×1 → 500, masking 0.25"
    history = shown(file=file, epochs=3, begun=1, metrics=metrics, later=90, title=title, part="this phase")
    screen = Screen(columns).feed(read())
    longest = max(map(len, screen.lines))
    assert not screen.wrapped or columns < len("  top_1_of_several_thousand 0.1234")
    text = " ".join(" ".join(screen.lines).split())
    assert text.startswith(title)
    for row in range(2):  # a finished line tells all of it, on as many lines as it needs
        assert f"{row + 2}/93 loss {history['loss'][row]:.4f} accuracy {history['accuracy'][row]:.4f}" in text
        assert f"top_1_of_several_thousand {history['top_1_of_several_thousand'][row]:.4f}" in text
    assert longest > 0.5 * min(columns, 150)
    assert any("100%" in state for state in screen.states) or columns == 20


def test_a_line_of_40_columns_says_what_matters_most(terminal):
    file, read = terminal(40)
    history = shown(file=file, epochs=2, begun=0)
    screen = Screen(40).feed(read())
    loss = history["loss"][0]
    assert f"1/2  100%  loss {loss:.4f}  4/s  0:08 left" in screen.states
    assert screen.lines[:2] == [
        f"1/2  loss {loss:.4f}  accuracy {history['accuracy'][0]:.4f}",
        f"  val {history['val_accuracy'][0]:.4f}  4/s  19.0 s  0:11 left",
    ]


def test_validation_stands_where_the_bar_was(terminal):
    file, read = terminal(100)
    shown(file=file, epochs=1, begun=0)
    live = [state for state in Screen(100).feed(read()).states if "%" in state]
    assert live[-1].replace("validation", "━" * 10) == live[-2]


def test_colors_end_where_the_epoch_stands(terminal):
    file, read = terminal(80)
    shown(file=file, epochs=1, begun=0)
    assert "\x1b[32m━━━━━\x1b[0m\x1b[90m━━━━━\x1b[0m  50%" in read()


def test_without_colors_the_bar_ends_where_the_epoch_stands(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    file, read = terminal(80)
    shown(file=file, epochs=1, begun=0)
    text = read()
    assert set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", text)) == {"\x1b[2K"}
    assert "━━━━━       50%" in text


def test_a_terminal_that_only_types_gets_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    file, read = terminal(40)
    shown(file=file, epochs=3, begun=1)
    text = read()
    assert "\r" not in text
    assert "\x1b" not in text
    assert [line.split("  ")[0] for line in text.splitlines()] == ["epoch 2/3", "epoch 3/3"]


def test_a_terminal_of_ascii(terminal):
    file, read = terminal(120, "ascii")
    shown(file=file, epochs=2, begun=0, later=3, title="a, 28×28 → 500")
    text = read()
    assert text.startswith("a, 28?28 ? 500\n")
    assert "\x1b[32m#####\x1b[0m\x1b[90m-----\x1b[0m  50%" in text
    assert ">= 0:" in text


@pytest.mark.parametrize(("verbose", "lines"), [("auto", 0), (0, 0), (1, 2), (2, 2)])
def test_no_control_code_gets_into_a_pipe(monkeypatch, capfd, verbose, lines):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.setenv(name, "1")
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        shown(verbose=verbose, file=file, epochs=3, begun=1)
    with os.fdopen(reading) as file:
        text = file.read()
    assert len(text.splitlines()) == lines
    assert not set("\r\x1b") & set(text)
    assert capfd.readouterr() == ("", "")


def test_a_notebook_gets_lines(monkeypatch, capsys):
    class ZMQInteractiveShell:
        """What a notebook's kernel runs."""

    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    shown(epochs=2, begun=0)
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == ["epoch 1/2", "epoch 2/2"]


def test_an_exception_leaves_no_half_line(terminal):
    file, read = terminal(80)

    def stop(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    own = Progress(file=file)
    callbacks = [own, keras.callbacks.LambdaCallback(on_train_batch_end=stop)]
    with pytest.raises(KeyboardInterrupt):
        model.fit(np.zeros((8, 3)), np.zeros(8), batch_size=2, verbose=0, callbacks=callbacks)
    own.close()
    text = read()
    assert "75%" in text
    assert text.endswith(ERASED)
    own.close()
    assert read() == ""


def test_what_comes_after_the_fit_shows_nothing(terminal):
    file, read = terminal(80)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    own = Progress(file=file)
    model.evaluate(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[own])
    assert read() == ""
    model.fit(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[own])
    assert read() != ""
    model.evaluate(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[own])
    assert read() == ""


OTHER_VERBOSITIES = [3, -1, "bar", None]


def refusal(verbose):
    return pytest.raises(cnnzoo.InputError, match=f"verbose must be 'auto', 0, 1 or 2, not {verbose!r}")


@pytest.mark.parametrize("verbose", OTHER_VERBOSITIES)
def test_another_verbosity_gets_a_sentence(verbose):
    for refusing in (Progress, style_of):
        with refusal(verbose):
            refusing(verbose)


@pytest.mark.parametrize("verbose", OTHER_VERBOSITIES)
def test_train_refuses_another_verbosity(train, verbose):
    with refusal(verbose):
        train("lenet5_digits", verbose=verbose)


WORKER = """
    import keras, numpy as np
    from cnnzoo.callbacks import Progress, progress
    progress.PAUSE = 0
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = np.random.default_rng(0).random((32, 3)), np.arange(32) % 2
    callbacks = [Progress(batch_size=8)]
    model.fit(images, labels, batch_size=8, epochs=3, validation_data=(images, labels), verbose=0, callbacks=callbacks)
"""


def test_a_program_in_a_terminal_of_40_columns(processes):
    """The whole way: no file is handed over, and no variable tells the width."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    streams = {"stdin": terminal, "stdout": terminal, "stderr": subprocess.PIPE}
    variables = {"TERM": "xterm", "COLUMNS": None, "NO_COLOR": None}
    process = processes.start(["-c", textwrap.dedent(WORKER)], streams=streams, **variables)
    os.close(terminal)
    written = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while part := os.read(controller, 65536):
            written += part
    os.close(controller)
    processes.finished([process])
    screen = Screen(40).feed(written.decode().replace("\r\n", "\n"))
    assert not screen.wrapped
    assert [line[:3] for line in screen.lines if not line.startswith("  ")] == ["1/3", "2/3", "3/3", ""]
    assert any(re.fullmatch(r"3/3  .*100%  loss \S+(  \S+ left)?", state) for state in screen.states)
