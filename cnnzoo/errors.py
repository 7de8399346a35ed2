"""Errors, each with one sentence that a person can act on."""

import difflib
import importlib.metadata
import json
from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import url2pathname


class InputError(ValueError):
    """Input that cannot be used; the message names the value received and what is allowed.

    The command line prints it as one sentence and ends with its exit code.

    Attributes:
        exit_code: 2; that of an error which no other input would have prevented is 1.
    """

    exit_code = 2

    # AutoGraph raises an error of its own in place of any whose constructor it does not know.
    __init__ = Exception.__init__


class WriteError(InputError):
    """A file that the disk does not take, with the reason; what was there before is kept."""

    exit_code = 1


class ChangedDataError(InputError):
    """Images, or their classes, that are not those that an earlier part of the same work has seen."""


def unknown(kind: str, name: object, allowed: Iterable[str], plural: str | None = None) -> InputError:
    """Return the error for a name that is not there, with the nearest ones that are.

    Args:
        kind: what the name stands for, e.g. `"model"`.
        name: the name received.
        allowed: the names there are.
        plural: the plural of `kind`, where adding an *s* does not make it.

    Example:
    >>> str(unknown("model", "lenet6", ["lenet", "lenet5", "mlp"]))
    "unknown model 'lenet6'; did you mean 'lenet' or 'lenet5'?"
    """
    names = sorted(allowed)
    if near := near_names(str(name), names):
        return InputError(f"unknown {kind} {str(name)!r}; did you mean {_either(near)}?")
    return InputError(f"unknown {kind} {str(name)!r}; the {plural or kind + 's'} are {', '.join(names)}")


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that one may have been meant to be, the nearest first.

    Example:
    >>> near_names("lenet6", ["lenet5", "mlp"])
    ['lenet5']
    """
    return difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.6)


def reason(error: BaseException) -> str:
    """Return the first line of another library's error message, or the class of the error.

    Example:
    >>> reason(ValueError("no such thing.")), reason(KeyError())
    ('no such thing', 'KeyError')
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def install_command(extra: str) -> str:
    """Return the command that installs an extra, from where cnnzoo itself was installed: a clone, a file or an index.

    pip has noted that beside the package (PEP 610); from an index there is no such note.

    Example:
    >>> install_command("serve").startswith("pip install ")
    True
    """
    try:
        noted = importlib.metadata.distribution("cnnzoo").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return f'pip install -e ".[{extra}]" in a clone of cnnzoo'
    if noted is None:
        return f'pip install "cnnzoo[{extra}]"'
    origin = json.loads(noted)
    if "dir_info" in origin:
        editable = "-e " * origin["dir_info"].get("editable", False)
        return f'pip install {editable}"{url2pathname(urlsplit(origin["url"]).path)}[{extra}]"'
    version = origin.get("vcs_info")
    url = f"{version['vcs']}+{origin['url']}@{version['commit_id']}" if version else origin["url"]
    return f'pip install "cnnzoo[{extra}] @ {url}"'


def _either(names: list[str]) -> str:
    *first, last = [repr(name) for name in names]
    return f"{', '.join(first)} or {last}" if first else last
