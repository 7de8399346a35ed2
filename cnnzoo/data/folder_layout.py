"""Which files below a folder are images, of which class and for what, and how many others there are."""

import dataclasses
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cnnzoo.checks import refusal
from cnnzoo.data.file_split import FileSplit
from cnnzoo.errors import InputError

# Of the formats that TensorFlow or Pillow read: those in which photographs and scans are kept.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp", ".avif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"),
}
SPLITS = {"train": ("train", "training"), "test": ("test", "testing"), "validation": ("val", "valid", "validation")}
TEST_FRACTION, TEST_SEED = 0.2, 0  # for a folder without test images of its own
MACOS_ARCHIVE = "__MACOSX"  # holds what other systems do not know of files in a ZIP archive, under the files' names
HIDDEN, IGNORED = "hidden images", "ignored"  # kinds of files
OF_WINDOWS = ("thumbs.db", "desktop.ini")  # files that are hidden there


@dataclasses.dataclass
class Layout:
    """The images below a folder.

    Attributes:
        class_names: name of each class, in the order of the labels.
        parts: files of `"train"`, `"test"` and, if there are any, `"validation"`.
        left_out: how many files of each kind are not among them.
        notes: what else a user must know, in sentences.
    """

    class_names: tuple[str, ...] = ()
    parts: dict[str, FileSplit] = dataclasses.field(default_factory=dict)
    left_out: Counter[str] = dataclasses.field(default_factory=Counter)
    notes: list[str] = dataclasses.field(default_factory=list)

    def images(self, folder: Path) -> list[str]:
        """Return all images below a folder, and count what else there is."""
        images = []
        for path, kind in _walk(folder):
            if not kind:
                images.append(path)
            elif kind != IGNORED:
                self.left_out[kind] += 1
        return images

    def count_loose(self, folder: Path, kind: str) -> int:
        """Count the images that lie in a folder itself, by a name for them, and hidden ones; return the first count."""
        own = [each for _, each in _walk(folder, depth=0)]
        below_hidden = (each for hidden in _folders(folder, hidden=True) for _, each in _walk(hidden))
        self.left_out[HIDDEN] += own.count(HIDDEN) + sum(each in ("", HIDDEN) for each in below_hidden)
        self.left_out[kind] += own.count("")
        return own.count("")


def read_layout(folder: Path, class_names: Sequence[str] | None) -> Layout:
    """Find the images below a folder.

    Args:
        folder: the folder, as described at `cnnzoo.data.folders.load`.
        class_names: the classes, in the order of their labels; `None` for the order of their names.

    Raises:
        InputError: no images, a class without images, or one that `train` lacks.
    """
    layout = Layout()
    given = _split_folders(folder, layout)
    train = given.get("train", folder)
    layout.class_names = _class_names(train, class_names, layout)
    parts = {name: _files(part, layout, is_train=name == "train") for name, part in {"train": train, **given}.items()}
    layout.parts = {name: part for name, part in parts.items() if part is not None}
    if "test" not in layout.parts:
        layout.parts["train"], layout.parts["test"] = layout.parts["train"].held_out(TEST_FRACTION, TEST_SEED)
        if given:
            layout.notes.append(
                f"there is no test set: a random fifth of the images in {train.name!r}, always the same, is for testing"
            )
    return layout


def _split_folders(folder: Path, layout: Layout) -> dict[str, Path]:
    """Return the folders of the splits by the names of these, nothing where the folder's folders are classes."""
    below = _folders(folder)
    found: dict[str, list[Path]] = {}
    for name, words in SPLITS.items():
        of_split = [entry for entry in below if entry.name.lower() in words]
        if of_split:
            found[name] = sorted(
                of_split, key=lambda entry: (words.index(entry.name.lower()), not entry.name.islower())
            )
    others = [entry for entry in below if not any(entry in entries for entries in found.values())]
    with_images = [entry for entry in others if any(not kind for _, kind in _walk(entry))]
    if "train" not in found:
        if found and not with_images:
            names = " and ".join(repr(entry.name) for entries in found.values() for entry in entries)
            raise InputError(f"{str(folder)!r} has {names}, but no folder 'train'")
        return {}
    if len(found) == 1 and with_images and not _folders(found["train"][0]):
        return {}  # "train", beside "bus" and "plane", is a class
    given = {name: entries[0] for name, entries in found.items()}
    beside = f"beside {given['train'].name!r}"
    for entry in below:
        if entry not in given.values():
            count = sum(not kind for _, kind in _walk(entry))
            layout.left_out[f"images in the folder {entry.name!r} {beside}"] += count
    layout.count_loose(folder, f"images {beside}")
    return given


def _class_names(train: Path, given: Sequence[str] | None, layout: Layout) -> tuple[str, ...]:
    names = tuple(entry.name for entry in _folders(train))
    for name in names:  # they are written to files, one a line
        if not name.isprintable():
            raise InputError(
                f"the class folder {name!r} of {str(train)!r} has a name that cannot be printed; rename it"
            )
    if given is not None:
        if sorted(given) != sorted(names):
            raise refusal("class_names", f"the names of the class folders, {', '.join(names)}, in any order", given)
        return tuple(given)
    if not names and not any(not kind for _, kind in _walk(train, depth=0)):
        raise InputError(f"{str(train)!r} has neither class folders nor images ({_suffixes()})")
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        layout.notes.append(
            f"the classes are in the order of their names as text: {', '.join(names[:4])}, …; class_names sets another"
        )
    return names or (train.resolve().name,)


def _files(folder: Path, layout: Layout, *, is_train: bool) -> FileSplit | None:
    """Return the files of all classes, class by class; `None` where none of them has a label."""
    below = {entry.name: entry for entry in _folders(folder)}
    if unknown := sorted(below.keys() - set(layout.class_names)):
        raise InputError(f"{str(folder)!r} has class folders that 'train' lacks: {', '.join(unknown)}")
    files: list[str] = []
    labels: list[int] = []
    has_classes = bool(below) or (not is_train and len(layout.class_names) > 1)
    for label, name in enumerate(layout.class_names):
        class_folder = below.get(name) if has_classes else folder
        images = layout.images(class_folder) if class_folder else []
        if is_train and not images:
            raise InputError(f"the class folder {str(folder / name)!r} has no images ({_suffixes()})")
        files += images
        labels += [label] * len(images)
    loose = layout.count_loose(folder, f"images in no class folder of {folder.name!r}") if has_classes else 0
    if not files and not loose:
        raise InputError(f"{str(folder)!r} has no images ({_suffixes()})")
    return FileSplit.of(files, labels) if files else None


def _folders(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Return the folders in a folder that are hidden, or those that are not."""
    try:
        folders = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name != MACOS_ARCHIVE]
    except OSError as error:
        raise _unreadable(error) from error
    return sorted(entry for entry in folders if _is_hidden(entry.name) is hidden)


def _unreadable(error: OSError) -> InputError:
    return InputError(f"the folder {str(error.filename)!r} cannot be read: {error.strerror}")


def _walk(folder: Path, depth: int | None = None) -> Iterator[tuple[str, str]]:
    """Yield all files below a folder, each folder once, by name: the path, and what kind of file it is if no image.

    Args:
        folder: the folder. Links to other folders are followed.
        depth: 0 for its own files only.
    """
    seen = set()

    def refuse(error: OSError) -> None:
        raise _unreadable(error) from error

    for parent, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(parent)  # noqa: PTH116 (text, as os.walk has it)
        folders[:] = sorted(name for name in folders if name != MACOS_ARCHIVE)
        if depth == 0 or (status.st_dev, status.st_ino) in seen:
            folders.clear()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        in_hidden = any(map(_is_hidden, Path(parent).relative_to(folder).parts))
        for name in sorted(files):
            path = os.path.join(parent, name)  # noqa: PTH118 (a million files)
            yield path, _kind(path, name, in_hidden or _is_hidden(name))


def _kind(path: str, name: str, is_hidden: bool) -> str:
    """Return what kind of file it is: nothing for an image, `IGNORED` for one that people do not see."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if is_hidden or name.lower() in OF_WINDOWS:
        return HIDDEN if suffix in SUFFIXES else IGNORED
    if suffix not in SUFFIXES:
        return f"{suffix} files" if suffix else "files without a suffix"
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:  # a link to nothing: a file that cannot be read
        return ""
    return "" if is_file else "pipes or devices"


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _suffixes() -> str:
    return ", ".join(sorted(SUFFIXES))
