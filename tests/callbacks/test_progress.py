"""What a fit shows: values computed by hand, in a terminal of any width, in a notebook and in a pipe."""

import builtins
import contextlib
import io
import os
import re
import struct
import subprocess
import textwrap

import keras
import numpy as np
import pytest
from rich.console import Console

import cnnzoo
from cnnzoo.callbacks import Progress, progress, progress_style
from cnnzoo.callbacks.pace import Pace


class FakeClock(keras.callbacks.Callback):
    """A clock that advances by what each part of a fit takes; its callback `after` stands behind `Progress`."""

    def __init__(self, compilation=8.0, step=2.0, validation=3.0, checkpoint=1.0):
        super().__init__()
        self.now, self.first = 100.0, True
        self.compilation, self.one_step, self.validation, self.checkpoint = compilation, step, validation, checkpoint

    def on_train_batch_end(self, batch, logs=None):
        self.now += self.one_step + self.compilation * self.first
        self.first = False

    def on_test_end(self, logs=None):
        self.now += self.validation

    @property
    def after(self):
        def save(epoch, logs):
            self.now += self.checkpoint

        return keras.callbacks.LambdaCallback(on_epoch_end=save)


def fit(epochs=5, initial_epoch=1, validate=True, metrics=("accuracy",), execution=1, learning_rate=0.01, **options):
    """Fit 4 steps of 8 images per epoch, and return the history."""
    keras.utils.set_random_seed(0)
    clock = FakeClock()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile(
        keras.optimizers.SGD(learning_rate),
        "sparse_categorical_crossentropy",
        metrics=list(metrics),
        steps_per_execution=execution,
    )
    images, labels = np.random.default_rng(0).random((32, 3)), np.arange(32) % 2
    return model.fit(
        images,
        labels,
        batch_size=8,
        epochs=epochs,
        initial_epoch=initial_epoch,
        validation_data=(images, labels) if validate else None,
        verbose=0,
        callbacks=[clock, Progress(batch_size=8, clock=lambda: clock.now, **options), clock.after],
    ).history


def epoch_lines(**options):
    """Return the lines of a fit with `verbose=2`, and the history."""
    console = Console(file=io.StringIO())
    history = fit(verbose=2, console=console, **options)
    return console.file.getvalue().splitlines(), history


def test_epoch_lines_show_values_computed_by_hand():
    lines, history = epoch_lines()
    metrics = [
        f"loss {history['loss'][row]:.4f}  accuracy {history['accuracy'][row]:.4f}  "
        f"val_accuracy {history['val_accuracy'][row]:.4f}  lr 0.01"
        for row in range(4)
    ]
    assert lines == [
        # 10 + 3 · 2 + 3 s; 3 steps of 8 images in 6 s; three epochs of 4 · 2 + 3 s are left.
        f"epoch 2/5  {metrics[0]}  4 images/s  19.0 s  00:33 left",
        # 4 · 2 + 3 s; of this one alone the time after the steps is known.
        f"epoch 3/5  {metrics[1]}  4 images/s  11.0 s  00:22 left",
        # The epochs took 8 + 3 + 1 and 8 + 3 s, in the middle 11.5; they are rounded up.
        f"epoch 4/5  {metrics[2]}  4 images/s  11.0 s  00:12 left",
        f"epoch 5/5  {metrics[3]}  4 images/s  11.0 s",
    ]


def test_the_time_left_includes_the_epochs_of_later_fits():
    lines, _ = epoch_lines(epochs=3, initial_epoch=0, later=10, part="this phase", title="epochs 1 to 3: 4 frozen")
    assert lines[0] == "epochs 1 to 3: 4 frozen"
    assert [line.split()[1] for line in lines[1:]] == ["1/13", "2/13", "3/13"]
    assert lines[1].endswith("19.0 s  00:22 left in this phase, at least 02:12 in all")  # 2 and 12 epochs of 11 s
    assert lines[3].endswith("11.0 s  at least 01:55 left")


def test_the_time_left_names_the_part_of_the_run():
    lines, _ = epoch_lines(epochs=3, part="layer 1 of 3")
    assert lines[0].endswith("19.0 s  00:11 left in layer 1 of 3")
    assert lines[1].endswith("11.0 s")


def test_unknown_values_are_left_out():
    """Of one execution per epoch, in the first of which the model is compiled, only the second epoch gives a rate."""
    lines, _ = epoch_lines(epochs=3, initial_epoch=0, execution=4, validate=False)
    rates = [re.findall(r"(\S+) images/s", line) for line in lines]
    assert rates == [[], ["16"], ["16"]]  # 4 steps of 8 images in the 2 s that this clock gives an execution
    assert "left" not in lines[0]
    assert lines[1].endswith("  2.0 s  00:02 left")


def test_steps_per_second_are_shown_without_a_batch_size():
    console = Console(file=io.StringIO())
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    clock = FakeClock(step=0.25)
    callbacks = [clock, Progress(2, clock=lambda: clock.now, console=console)]
    model.fit(np.zeros((8, 3)), np.zeros(8), batch_size=2, verbose=0, callbacks=callbacks)
    assert console.file.getvalue() == "epoch 1/1  loss 0  lr 0.01  4 steps/s  9.0 s\n"


def test_the_learning_rate_is_that_at_the_end_of_the_epoch():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 8, 0.0)  # 0.1 less in 8 steps, of which an epoch has 4
    lines, _ = epoch_lines(epochs=2, initial_epoch=0, learning_rate=schedule)
    assert [re.findall(r"lr (\S+)", line) for line in lines] == [["0.05"], ["0"]]


def in_a_log(monkeypatch, fits, **options):
    """Return the lines that fits of a process leave in a log by default."""
    monkeypatch.setattr(Progress, "_last_line", None)
    console = Console(file=io.StringIO())
    for epochs in fits:
        fit(epochs=epochs, initial_epoch=0, console=console, **options)
    return console.file.getvalue().splitlines()


def test_a_log_gets_a_line_a_minute_where_epochs_are_short(monkeypatch):
    # Epochs of 19, 12, 12, … s: ends after 19, 31, 43, 55, 67, 79, … s, each before a checkpoint of 1 s.
    lines = in_a_log(monkeypatch, [12])
    assert [line.split()[1] for line in lines] == ["5/12", "10/12"]


def test_a_log_gets_a_line_an_epoch_where_epochs_are_long(monkeypatch):
    monkeypatch.setattr(FakeClock.__init__, "__defaults__", (8.0, 20.0, 3.0, 1.0))
    lines = in_a_log(monkeypatch, [3])
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]


def test_a_log_gets_the_title_of_a_fit_with_its_first_line(monkeypatch):
    lines = in_a_log(monkeypatch, [6], title="layer 1")
    assert [line.split("  ")[0] for line in lines] == ["layer 1", "epoch 5/6"]
    assert in_a_log(monkeypatch, [3], title="layer 1") == []


@pytest.mark.parametrize("seed", range(5))
def test_pace_measures_the_rate_without_compilation_and_the_median_epoch(seed):
    generator = np.random.default_rng(seed)
    now, steps, epochs = 0.0, 6, 4
    pace = Pace(steps, clock=lambda: now)
    taken = generator.uniform(0.1, 5, (epochs, steps + 1))
    for epoch, (rest, *step_seconds) in enumerate(taken):
        pace.begin_epoch()
        for done, seconds in enumerate(step_seconds, start=1):
            now += seconds
            pace.step(done)
            if epoch > 1:
                median = np.median(taken[1:epoch].sum(axis=1))
                left = max(0, median - sum(step_seconds[:done])) + 7 * median
                assert pace.seconds_left(7) == pytest.approx(left)
        unmeasured = 1 if epoch == 0 else 0
        rate = (steps - unmeasured) / sum(step_seconds[unmeasured:])
        assert pace.steps_per_second == pytest.approx(rate)
        now += rest
        pace.end_epoch()
        median = np.median(taken[1 : epoch + 1].sum(axis=1)) if epoch else steps / rate + rest
        assert pace.seconds_left(7) == pytest.approx(7 * median)


class Screen:
    """As much of a terminal as carriage returns and colors need: its lines, and each state of the live line."""

    def __init__(self, text):
        self.lines, self.states, column = [""], [], 0
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\n":
                self.lines.append("")
                column = 0
            elif token == "\r":
                self.states.append(self.lines[-1].rstrip())
                column = 0
            elif token.startswith("\x1b"):
                assert token.endswith("m"), f"{token!r} does more than to color"
            else:
                line = self.lines[-1].ljust(column)
                self.lines[-1] = line[:column] + token + line[column + len(token) :]
                column += len(token)
        self.lines = [line.rstrip() for line in self.lines]

    @property
    def live(self):
        return [state for state in self.states if state]


@pytest.fixture(autouse=True)
def _every_step_is_drawn(monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0)


def terminal(columns, encoding="utf-8", **options):
    """Return a console of a terminal."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    environment = {"TERM": "xterm-256color", **options.pop("environment", {})}
    return Console(file=file, force_terminal=True, width=columns, _environ=environment, **options)


def written(console):
    return console.file.buffer.getvalue().decode(console.file.encoding)


def test_a_live_line_shows_every_step_and_every_epoch_leaves_a_line():
    console = terminal(100)
    history = fit(console=console, epochs=2, initial_epoch=0, validate=False)
    screen = Screen(written(console))
    loss, accuracy = ([f"{value:.4f}" for value in history[name]] for name in ("loss", "accuracy"))
    assert screen.lines == [
        f"epoch 1/2  loss {loss[0]}  accuracy {accuracy[0]}  lr 0.01  4 images/s  16.0 s  00:08 left",
        f"epoch 2/2  loss {loss[1]}  accuracy {accuracy[1]}  lr 0.01  4 images/s  8.0 s",
        "",
    ]
    assert [re.sub(r"(loss|accuracy) \S+", r"\1", state) for state in screen.live] == [
        "epoch 1/2  ──────────  0/4  lr 0.01",
        "epoch 1/2  ━━────────  1/4  loss  accuracy  lr 0.01",
        "epoch 1/2  ━━━━━─────  2/4  loss  accuracy  lr 0.01  4 images/s  00:12 left",
        "epoch 1/2  ━━━━━━━───  3/4  loss  accuracy  lr 0.01  4 images/s  00:10 left",
        "epoch 1/2  ━━━━━━━━━━  4/4  loss  accuracy  lr 0.01  4 images/s  00:08 left",
        "epoch 2/2  ──────────  0/4  lr 0.01  00:09 left",
        "epoch 2/2  ━━────────  1/4  loss  accuracy  lr 0.01  4 images/s  00:07 left",
        "epoch 2/2  ━━━━━─────  2/4  loss  accuracy  lr 0.01  4 images/s  00:05 left",
        "epoch 2/2  ━━━━━━━───  3/4  loss  accuracy  lr 0.01  4 images/s  00:03 left",
        "epoch 2/2  ━━━━━━━━━━  4/4  loss  accuracy  lr 0.01  4 images/s  00:01 left",
    ]


def test_the_live_line_is_updated_once_per_interval(monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 4)  # two steps of this clock
    console = terminal(100)
    fit(console=console, epochs=2, initial_epoch=1, validate=False)
    assert [re.findall(r"\d/4", state) for state in Screen(written(console)).live] == [["0/4"], ["1/4"], ["3/4"]]


@pytest.mark.parametrize("columns", [12, 20, 40, 60, 80, 200])
def test_the_live_line_fits_a_terminal_of_any_width(columns):
    console = terminal(columns)
    metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(1, name="top_1_of_several_thousand")]
    title = "pretraining 1 of 2: encoder_1, 28×28×1 → 500, masking 0.25"
    history = fit(console=console, epochs=3, metrics=metrics, later=90, title=title, part="this phase")
    screen = Screen(written(console))
    assert max(map(len, screen.live)) < columns
    assert max(map(len, screen.live)) > 0.6 * min(columns, 150)
    assert screen.lines[0] == title
    for row, line in enumerate(screen.lines[1:3]):  # complete, and wrapped by the terminal
        assert f"{row + 2}/93  loss {history['loss'][row]:.4f}  accuracy {history['accuracy'][row]:.4f}" in line
        assert f"top_1_of_several_thousand {history['top_1_of_several_thousand'][row]:.4f}" in line


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (85, "epoch 2/9  ━━━━━━━━━━  4/4  loss  accuracy  4 images/s  01:04 left"),
        (70, "epoch 2/9  ━━━━━━━━━━  4/4  loss  4 images/s  01:04 left"),
        (50, "epoch 2/9  4/4  loss  01:04 left"),
        (35, "epoch 2/9  4/4  loss"),
        (12, "epoch 2/9"),
    ],
)
def test_a_narrow_terminal_shows_what_matters_most(columns, shown):
    console = terminal(columns)
    fit(console=console, epochs=9, initial_epoch=0, validate=False)
    live = [re.sub(r"(loss|accuracy) \S+", r"\1", state) for state in Screen(written(console)).live]
    assert live[9] == shown  # the last step of the second epoch


def test_validation_is_shown_in_the_place_of_the_bar():
    console = terminal(100)
    fit(console=console, epochs=1, initial_epoch=0)
    live = Screen(written(console)).live
    assert live[-1].replace("validation", "━" * 10) == live[-2]


def test_the_bar_has_the_color_of_progress():
    console = terminal(100, color_system="standard", no_color=False)
    fit(console=console, epochs=1, initial_epoch=0)
    assert "\x1b[32m━━━━━\x1b[0m\x1b[90m─────\x1b[0m  2/4" in written(console)


def test_a_terminal_without_colors_gets_none():
    console = terminal(100, environment={"NO_COLOR": "1"})
    fit(console=console, epochs=1, initial_epoch=0)
    assert "\x1b" not in written(console)
    assert "━━━━━─────  2/4" in written(console)


def test_a_dumb_terminal_gets_lines():
    console = terminal(40, environment={"TERM": "dumb"})
    fit(console=console, epochs=3)
    assert not set("\r\x1b") & set(written(console))
    assert [line.split("  ")[0] for line in written(console).splitlines()] == ["epoch 2/3", "epoch 3/3"]


def test_an_ascii_terminal_gets_ascii():
    console = terminal(120, "ascii", color_system=None)
    fit(console=console, epochs=2, initial_epoch=0, later=3, title="a, 28×28 → 500")
    text = written(console)
    assert text.startswith("a, 28?28 ? 500\n")
    assert "epoch 1/5  #####-----  2/4  loss" in text


@pytest.mark.parametrize(("verbose", "lines"), [("auto", 0), (0, 0), (1, 2), (2, 2)])
def test_a_pipe_gets_no_control_codes(monkeypatch, capfd, verbose, lines):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr("cnnzoo.callbacks.progress.RARE", np.inf)  # however slow the machine is
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file, contextlib.redirect_stdout(file):
        fit(verbose=verbose, epochs=3)
    with os.fdopen(reading) as file:
        text = file.read()
    assert len(text.splitlines()) == lines
    assert not set("\r\x1b") & set(text)
    assert capfd.readouterr() == ("", "")


def test_a_notebook_gets_a_live_line_of_plain_text(monkeypatch, capsys):
    class ZMQInteractiveShell:
        """The shell of a notebook's kernel."""

    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    fit(epochs=2, initial_epoch=0)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    screen = Screen(text)
    assert [line.split("  ")[0] for line in screen.lines] == ["epoch 1/2", "epoch 2/2", ""]
    counts = [re.findall(r"\d/4|validation", state) for state in screen.live]
    assert counts == 2 * [["0/4"], ["1/4"], ["2/4"], ["3/4"], ["4/4"], ["validation", "4/4"]]


def test_an_exception_leaves_no_partial_line():
    console = terminal(80)

    def stop(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Progress(console=console)
    callbacks = [callback, keras.callbacks.LambdaCallback(on_train_batch_end=stop)]
    with pytest.raises(KeyboardInterrupt):
        model.fit(np.zeros((8, 3)), np.zeros(8), batch_size=2, verbose=0, callbacks=callbacks)
    callback.close()
    screen = Screen(written(console))
    assert "  3/4  " in screen.live[-1]
    assert screen.lines == [""]
    before = written(console)
    callback.close()
    assert written(console) == before


def test_an_evaluation_with_the_callback_shows_nothing():
    console = terminal(80)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Progress(console=console)
    model.evaluate(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[callback])
    assert written(console) == ""
    model.fit(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[callback])
    before = written(console)
    assert before != ""
    model.evaluate(np.zeros((8, 3)), np.zeros(8), verbose=0, callbacks=[callback])
    assert written(console) == before


OTHER_VERBOSITIES = [3, -1, "bar", None]


def refuses(verbose):
    return pytest.raises(cnnzoo.InputError, match=f"`verbose` must be 'auto', 0, 1 or 2. Received: {verbose!r}")


@pytest.mark.parametrize("verbose", OTHER_VERBOSITIES)
def test_another_verbosity_is_refused(verbose):
    for refusing in (Progress, progress_style):
        with refuses(verbose):
            refusing(verbose)


@pytest.mark.parametrize("verbose", OTHER_VERBOSITIES)
def test_train_refuses_another_verbosity(train, verbose):
    with refuses(verbose):
        train("lenet5_digits", verbose=verbose)


PROGRAM = """
    import keras, numpy as np
    from cnnzoo.callbacks import Progress, progress
    progress.INTERVAL = 0
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = np.random.default_rng(0).random((32, 3)), np.arange(32) % 2
    callbacks = [Progress(batch_size=8)]
    model.fit(images, labels, batch_size=8, epochs=3, validation_data=(images, labels), verbose=0, callbacks=callbacks)
"""


def test_a_program_finds_the_width_of_its_terminal(processes):
    """No console is given, and no variable tells the width."""
    fcntl, pty, termios = (
        pytest.importorskip(name, reason="this system has no terminals for programs")
        for name in ("fcntl", "pty", "termios")
    )
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    streams = {"stdin": terminal, "stdout": terminal, "stderr": subprocess.PIPE}
    variables = {"TERM": "xterm", "COLUMNS": None, "NO_COLOR": None}
    process = processes.start(["-c", textwrap.dedent(PROGRAM)], streams=streams, **variables)
    os.close(terminal)
    content = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while part := os.read(controller, 65536):
            content += part
    os.close(controller)
    processes.finished([process])
    screen = Screen(content.decode().replace("\r\n", "\n"))
    assert max(map(len, screen.live)) < 40
    assert [line.split("  ")[0] for line in screen.lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3", ""]
    assert any(re.fullmatch(r"epoch 3/3  4/4  loss \S+(  \S+ left)?", state) for state in screen.live)
