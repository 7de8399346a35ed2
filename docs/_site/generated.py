"""Pages of the reference that are made from the code, so that they cannot go stale.

`write(folder)` writes them before Sphinx reads its sources: a page for each public module, command and family of
models, and those of the recipe's keys and of the weights. A page is written anew only where it has changed, so that
Sphinx reads again only what has.
"""

import dataclasses
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cnnzoo
from cnnzoo.analysis import table as layer_table

# Commands in the order of work.
COMMANDS = ("list", "info", "train", "evaluate", "report", "play", "predict", "tune", "export", "serve")
RESULTS = "results/index.md"


def write(docs: Path) -> list[Path]:
    """Write all pages below `docs/reference`, and remove those that are no longer made.

    Args:
        docs: the folder with the documents.

    Returns:
        The pages' paths.
    """
    reference = docs / "reference"
    pages = {
        **api_pages(),
        **command_pages(),
        **model_pages((docs / RESULTS).read_text("utf-8")),
        "recipe_keys.md": recipe_page(),
        "weights.md": weights_page(),
    }
    written = [reference / name for name in pages]
    for folder in {path.parent for path in written} - {reference}:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in {*folder.glob("*.*")} - {*written}:
            stale.unlink()
    for path, text in zip(written, pages.values(), strict=True):
        content = text if isinstance(text, bytes) else text.encode()
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    return written


# === Python ===


def public_names() -> dict[str, list[str]]:
    """Return the public names of `cnnzoo` and of each of its modules, each once: where one imports it from."""
    found = {"cnnzoo": sorted(cnnzoo._DEFINED_IN, key=str.lower)}
    for module in cnnzoo._MODULES:
        names = sorted(names_of(importlib.import_module(f"cnnzoo.{module}")), key=str.lower)
        found[f"cnnzoo.{module}"] = [name for name in names if name not in found["cnnzoo"]]
    for family in sorted({*cnnzoo.models.FAMILIES.values()}):
        module = f"cnnzoo.models.{family}"
        names = names_of(importlib.import_module(module), made_there=True)
        found[module] = [name for name in names if name not in found["cnnzoo"]]
    return {module: names for module, names in found.items() if names}


def names_of(module: ModuleType, *, made_there: bool = False) -> list[str]:
    """Return a module's `__all__`, or where there is none the functions and classes that are defined in it."""
    if not made_there and (declared := getattr(module, "__all__", None)) is not None:
        return list(declared)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    ]


def api_pages() -> dict[str, str]:
    """Return a page in reStructuredText for each public module."""
    pages, index = {}, []
    for module, names in public_names().items():
        if module.startswith("cnnzoo.models."):
            continue  # on the page of the family
        title = f"``{module}``"
        first = _described(importlib.import_module(module))
        lines = [title, "=" * len(title), "", first, "", f".. module:: {module}", ""]
        shown = [name for name in names if name not in cnnzoo.models.FAMILIES or module != "cnnzoo"]
        lines += [line for name in shown for line in _directive(module, name)]
        page = module.removeprefix("cnnzoo.")
        pages[f"api/{page}.rst"] = "\n".join(lines) + "\n"
        index.append((page, module, _first_sentence(first)))
    rows = [f"   * - :doc:`{module} <{page}>`\n     - {words}" for page, module, words in index]
    table = ".. list-table::\n   :widths: 30 70\n\n" + "\n".join(rows)
    tree = ".. toctree::\n   :hidden:\n\n" + "\n".join(f"   {page}" for page, *_ in index)
    pages["api/index.rst"] = f"Python\n======\n\nEvery public name, where one imports it from.\n\n{table}\n\n{tree}\n"
    return pages


def _described(module: ModuleType) -> str:
    """Return a module's docstring."""
    return inspect.cleandoc(module.__doc__ or "").strip()


def _directive(module: str, name: str) -> list[str]:
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        shown = [f".. autoclass:: {module}.{name}", f"   :members: {', '.join(_own_members(value))}"]
        return [*(shown if _own_members(value) else shown[:1]), ""]
    if callable(value):
        return [f".. autofunction:: {module}.{name}", ""]
    if isinstance(value, types.UnionType):
        what = " or ".join(f":class:`~{each.__module__}.{each.__name__}`" for each in typing.get_args(value))
    else:
        what = f"A {type(value).__name__} of {', '.join(f'``{each!r}``' for each in value)}"
    return [f".. data:: {module}.{name}", "", f"   {what}.", ""]


# What Keras calls, and what says no more than its class does.
_CALLED_BY_KERAS = re.compile(
    "build|call|compute_.*|get_config|from_config|on_.*|set_model|set_params|update_step|add_variables_for.*|"
    "(update|reset)_state|result"
)


def _own_members(value: type) -> list[str]:
    """Return methods and properties with a docstring that the class itself has, in their order."""
    return [
        name
        for name, member in vars(value).items()
        if not name.startswith("_")
        and not _CALLED_BY_KERAS.fullmatch(name)
        and getattr(member, "__module__", "cnnzoo").startswith("cnnzoo")  # matplotlib adds `set` to each class
        and (inspect.isfunction(member) or isinstance(member, classmethod | staticmethod | property))
        and (getattr(member, "__doc__", None) or "").strip()
    ]


# === Commands ===


def command_pages() -> dict[str, str]:
    """Return a page in Markdown for each command, from the functions that the commands are."""
    from cnnzoo import cli

    functions = {each.name or each.callback.__name__: each.callback for each in cli.app.registered_commands}
    functions = {name.strip("_"): function for name, function in functions.items()}
    assert {*functions} == {*COMMANDS}, f"a command is new or gone, {sorted(functions)}: name it in COMMANDS"
    pages = {f"commands/{name}.md": _command_page(name, functions[name]) for name in COMMANDS}
    rows = "\n".join(
        f"| [`cnnzoo {name}`]({name}.md) | {_first_sentence(functions[name].__doc__)} |" for name in COMMANDS
    )
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(COMMANDS) + "\n```"
    pages["commands/index.md"] = f"# Commands\n\n| command | what it does |\n|---|---|\n{rows}\n\n{tree}\n"
    return pages


def command_parameters(function: Any) -> list["Parameter"]:
    """Return what a command's function takes."""
    hints = typing.get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if hasattr(hints[name], "__metadata__"):  # else Typer gives it the context
            kind, *_, info = typing.get_args(hints[name])
            found.append(Parameter(name, info, kind, parameter.default))
    return found


@dataclasses.dataclass(frozen=True)
class Parameter:
    """An argument or an option of a command, as Typer takes it from a function.

    Attributes:
        name: the parameter's name.
        info: `typer.Argument` or `typer.Option`.
        kind: its type.
        default: its default, `inspect.Parameter.empty` where it is required.
    """

    name: str
    info: Any
    kind: Any
    default: Any

    @property
    def is_option(self) -> bool:
        """Whether it is an option, and no argument."""
        return type(self.info).__name__ == "OptionInfo"

    @property
    def written(self) -> str:
        """How it is written on the command line."""
        if self.is_option:
            own = [self.info.default, *(self.info.param_decls or ())]  # Typer takes the first for a default
            named = [each for each in own if isinstance(each, str) and each.startswith("-")]
            return ", ".join(named or ["--" + self.name.replace("_", "-")])
        word = (self.info.metavar or self.name).strip("[]{}").removesuffix("...").upper()
        word += " …" if "list" in str(self.kind) else ""
        return word if self.default is inspect.Parameter.empty else f"[{word}]"

    @property
    def value(self) -> str:
        """What kind of value it takes."""
        if self.kind is bool:
            return ""
        words = {"int": "integer", "float": "number", "str": "text", "Path": "path"}
        kind = next((word for name, word in words.items() if re.search(rf"\b{name}\b", str(self.kind))), "")
        return f"`{self.info.metavar or kind}`"

    @property
    def repeatable(self) -> bool:
        """Whether it may be given several times."""
        return "list" in str(self.kind)

    @property
    def shown_default(self) -> str:
        """Its default, where there is one that says something: the function's, or what the help says it is."""
        if said := _DEFAULT.search(self.info.help or ""):
            return said[1]
        if isinstance(getattr(self.info, "show_default", None), str):
            return self.info.show_default
        if self.default is inspect.Parameter.empty:
            return "required"
        return "" if self.default in (None, False, (), []) else f"`{self.default}`"

    @property
    def help(self) -> str:
        """What the command's `--help` says of it."""
        return _DEFAULT.sub("", self.info.help or "")


_DEFAULT = re.compile(r" \[default: (.+)\]$")


# What readers look for in other words than a command's own: entries of the index, which the search finds.
SOUGHT = {
    "predict": ("one image", "classify an image", "class of an image", "inference"),
    "evaluate": ("accuracy of a run", "test a model"),
    "export": ("SavedModel", "ONNX", "LiteRT", "TFLite"),
    "info": ("receptive field", "number of parameters"),
    "tune": ("hyperparameters", "grid search"),
    "train": ("fit",),
    "play": ("draw a digit", "browser", "interactive"),
}


def _command_page(name: str, function: Any) -> str:
    parameters = command_parameters(function)
    arguments = [each for each in parameters if not each.is_option]
    options = [each for each in parameters if each.is_option]
    text, _, examples = inspect.cleandoc(function.__doc__ or "").replace("\b", "").partition("Examples:")
    usage = "".join(f" {each.written}" for each in arguments)
    parts = [f"# cnnzoo {name}"]
    parts += [f"```{{index}} {', '.join(f'!{each}' for each in SOUGHT[name])}\n```"] if name in SOUGHT else []
    parts += [text.strip(), f"```text\ncnnzoo {name} [OPTIONS]{usage}\n```"]
    if examples.strip():
        parts.append("## Examples\n\n```console\n" + inspect.cleandoc("\n" + examples.strip("\n")) + "\n```")
    if arguments:
        parts.append("## Arguments\n\n" + "\n\n".join(f"`{each.written}`\n: {each.help}" for each in arguments))
    if options:
        parts.append("## Options\n\n" + "\n\n".join(f"{_option(each)}\n: {each.help}" for each in options))
    return "\n\n".join(parts) + "\n"


def _option(option: Parameter) -> str:
    """Return the line above an option's meaning: how it is written, how often, and its default."""
    default = option.shown_default
    said = ["repeatable"] if option.repeatable else []
    said += [default if default == "required" else f"default: {default}"] if default else []
    return " ".join(part for part in (f"`{option.written}`", option.value, said and f"*({', '.join(said)})*") if part)


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=\.)\s", " ".join((text or "").split()))[0]


# === Recipes ===


def recipe_page() -> str:
    """Return the page of a recipe's and a study's keys."""
    from cnnzoo import Recipe, Study

    parts = [
        "# Recipe keys",
        "Every key of a recipe, by which `--set KEY=VALUE`, `cnnzoo.Recipe(KEY=VALUE)` and "
        "`Recipe.replace(KEY=VALUE)` know it. A value on the command line is a Python literal, else a string; one "
        "entry of a mapping is `--set KEY.ENTRY=VALUE`. [How to write a recipe](../how_to/recipe.md).",
        _keys(Recipe),
        "## Study",
        "A study is one recipe in several variants, each at every seed.",
        _keys(Study),
    ]
    return "\n\n".join(parts) + "\n"


def _keys(kind: type) -> str:
    """Return a table of a dataclass' fields: name, type, default, and what its docstring says."""
    words = dict(attributes(inspect.getdoc(kind) or ""))
    hints = typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        default = _default_of(field)
        rows.append(f"| `{field.name}` | {_type_name(hints[field.name])} | {default} | {words[field.name]} |")
    return "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)


def attributes(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of a docstring's section `Attributes`.

    Example:
    >>> list(attributes(inspect.getdoc(Parameter)))[1]
    ('info', '`typer.Argument` or `typer.Option`.')
    """
    section = docstring.partition("Attributes:\n")[2]
    section = re.split(r"\n(?=\S)", section)[0]
    for entry in re.split(r"\n    (?=\w+: )", "\n" + section.rstrip())[1:]:
        name, _, text = entry.partition(": ")
        yield name, " ".join(text.split()).replace("|", "\\|")


def _default_of(field: dataclasses.Field) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    return f"`{field.default_factory()!r}`" if field.default_factory is not dataclasses.MISSING else "required"


def _type_name(kind: Any) -> str:
    text = inspect.formatannotation(kind).replace("collections.abc.", "").replace("typing.", "")
    return "`" + re.sub(r"\bcnnzoo(\.\w+)*\.(?=\w+$)", "", text).replace("|", "\\|") + "`"


# === Models ===

TITLES = {
    "early_lenets": "LeNet-1 and the net of 1989",
    "lenet4": "LeNet-4",
    "lenet": "LeNet-5 and the textbooks' LeNet",
    "mlp": "Multilayer perceptron",
    "alexnet": "AlexNet and CaffeNet",
    "alexnet_owt": "AlexNet in one column",
    "zfnet": "ZFNet",
    "network_in_network": "Network in Network",
    "network_in_network_imagenet": "Network in Network for ImageNet",
    "cuda_convnet": "cuda-convnet",
    "all_cnn": "All-convolutional nets",
    "autoencoders": "Autoencoders",
    "denoising_autoencoders": "Denoising autoencoder",
    "convolutional_autoencoders": "Convolutional autoencoders",
    "variational_autoencoders": "Variational autoencoder",
    "stacked_autoencoders": "Stacked autoencoder",
}


def _title(family: str) -> str:
    """Return a family's title: the one in `TITLES`, else its module's name in words."""
    return TITLES.get(family, family.replace("_", " ").capitalize())


def families() -> dict[str, list[str]]:
    """Return the models of each family's module."""
    found: dict[str, list[str]] = {}
    for name, family in cnnzoo.models.FAMILIES.items():
        found.setdefault(family, []).append(name)
    return found


def model_pages(results: str) -> dict[str, str | bytes]:
    """Return a page and the drawings of each family: the paper, its tables, its arguments, its weights, its results."""
    pages: dict[str, str | bytes] = {}
    for family, names in families().items():
        pages[f"models/{family}.md"] = _family_page(family, names, results)
        for name in names:
            pages[f"models/{name}.svg"] = _drawing(name)[0]
    rows = [
        f"| [{_title(family)}]({family}.md) | {', '.join(f'`{name}`' for name in names)} |"
        for family, names in families().items()
    ]
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(families()) + "\n```"
    pages["models/index.md"] = "# Models\n\n| family | models |\n|---|---|\n" + "\n".join(rows) + f"\n\n{tree}\n"
    return pages


def _family_page(family: str, names: list[str], results: str) -> str:
    module = importlib.import_module(f"cnnzoo.models.{family}")
    parts = [f"# {_title(family)}", _as_markdown(_described(module))]
    for name in names:
        _, alternative = _drawing(name)
        parts += [
            f"## {name}",
            f"![{alternative}]({name}.svg)",
            _rst([f".. autofunction:: cnnzoo.{name}"]),
            "### Layers",
            f"`cnnzoo info {name}` prints this table with every number exact; "
            "[how to read it](../../concepts/arithmetic.md).",
            _layers(cnnzoo.conv_report(cnnzoo.create(name, compile=False))),
        ]
    helpers = public_names().get(f"cnnzoo.models.{family}", [])
    lines = [f".. module:: cnnzoo.models.{family}", ""]
    lines += [line for name in helpers for line in _directive(f"cnnzoo.models.{family}", name)]
    parts += ["## Preprocessing and more", _rst(lines)]
    parts += ["## Weights", _weights_table(names) or "None come with cnnzoo."]
    parts += ["## Results", _results_of(names, results)]
    return "\n\n".join(parts) + "\n"


def _layers(report: cnnzoo.analysis.ConvReport) -> str:
    """Return the table of a net's layers, narrow enough for a page: large numbers with k and M."""
    head = ["layer", "W", "F", "S", "P", "output", "field", "jump", "parameters", "connec&shy;tions", "multiply-adds"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in report.rows:
        kind = "<br>".join(part.strip() for part in layer_table._layer_type(row).splitlines())
        parameters = "shared" if row.call > 1 and row.parameters_per_neuron != 0 else short(row.parameters)
        numbers = (parameters, short(row.connections), short(row.multiply_adds))
        lines.append([f"**{row.name}**<br><small>{kind}</small>", *layer_table._geometry(row), *numbers])
    totals = report.totals
    sums = [f"**{short(each)}**" for each in (totals.parameters, totals.connections, totals.multiply_adds)]
    lines.append(["**total**", *[""] * 7, *sums])
    split = f"{totals.trained_parameters:,} parameters are trained, {totals.fixed_parameters:,} are fixed."
    rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([rows, split, *("\n".join(f"- {warning}" for warning in report.warnings),)]).strip()


def short(number: int) -> str:
    """Return a number in three digits, exact below a thousand.

    Example:
    >>> [short(number).split() for number in (156, 48_120, 999_700, 1_256_000_000)]
    [['156'], ['48.1', 'k'], ['1.00', 'M'], ['1.26', 'G']]
    """
    if number < 1000:
        return str(number or "")
    value, unit = next(
        (number / size, unit)
        for size, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
        if number < 999.5 * size
    )
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}\u00a0{unit}"


def _rst(lines: list[str]) -> str:
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _as_markdown(text: str) -> str:
    """Return a docstring's text with its addresses as links."""
    return re.sub(r"(?<![<(])(https?://\S+?)(?=[.,;]?(?:\s|$))", r"<\1>", text)


_drawings: dict[str, tuple[bytes, str]] = {}


def _drawing(name: str) -> tuple[bytes, str]:
    """Return a net's drawing as SVG, and its alternative text."""
    if name not in _drawings:
        import matplotlib as mpl

        from cnnzoo import plots
        from cnnzoo.reports import page

        with mpl.rc_context({"svg.fonttype": "none"}):
            picture = plots.architecture(name)
            _drawings[name] = page.svg(picture), picture.alternative
    return _drawings[name]


def _results_of(names: list[str], results: str) -> str:
    """Return the rows of the table of results whose recipes have one of the models."""
    from cnnzoo.experiments import load_recipe

    head, rows = [], []
    for line in results.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            continue
        if recipe := re.match(r"`(\w+)", cells[0]):
            loaded: Any = load_recipe(recipe[1])
            rows += [line] if getattr(loaded, "recipe", loaded).model in names else []
        elif len(head) < 2:
            head.append(line)
    if not rows:
        return "There is no measured recipe of this family."
    return "\n".join([*head, *rows]) + "\n\n[All results](../../results/index.md), and how they are measured."


# === Weights ===


def weights_page() -> str:
    """Return the page of the weights that come with cnnzoo and of published ones."""
    names = [name for names in families().values() for name in names]
    return (
        "\n\n".join(
            [
                "# Weights",
                "`cnnzoo.lenet5(weights='mnist')` loads weights that come with cnnzoo; nothing is downloaded. "
                "`cnnzoo.weights.list()` names them all. Every model also takes the path of a `.keras` or "
                "`.weights.h5` file, and `alexnet_owt` torchvision's weights of ImageNet (`weights='imagenet'`, "
                "downloaded once, or a `.pth` file).",
                _weights_table(names),
            ]
        )
        + "\n"
    )


def _weights_table(names: list[str]) -> str:
    from cnnzoo import weights

    rows = [
        f"| `{each.call}` | `{each.card['name']}` | {each.test} | {each.card['license']} |"
        for each in weights.list()
        if each.model in names
    ]
    head = "| call | recipe | on the test images | license of the weights |\n|---|---|---|---|\n"
    return head + "\n".join(rows) if rows else ""
