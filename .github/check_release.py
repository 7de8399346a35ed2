"""Check that the tree is ready to be released under a tag, and name all that is not.

    python .github/check_release.py v0.1.0 ADDRESS

ADDRESS is the repository's, as `pyproject.toml` must have it.
"""

import argparse
import datetime
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESERVED = ".invalid/"  # a domain that nobody can have (RFC 2606), which stands where no address is known


def missing(tag: str, address: str) -> list[str]:
    """Return what is missing, a sentence each.

    Args:
        tag: the release's tag.
        address: the repository's address.
    """
    version = re.search(r'^__version__ = "(.*)"$', _text("cnnzoo/__init__.py"), re.MULTILINE)[1]  # type: ignore[index]
    repository = tomllib.loads(_text("pyproject.toml"))["project"]["urls"]["Repository"]
    day = re.search(rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$", _text("CHANGELOG.md"), re.MULTILINE)
    conditions = {
        f"the tag of version {version} is v{version}, not {tag}": tag == f"v{version}",
        f"pyproject.toml has the address {repository}, not {address}": repository == address,
        f"{repository} is a reserved address": RESERVED not in repository,
        f"CHANGELOG.md has no line '## [{version}] - YEAR-MONTH-DAY'": day is not None,
        f"CITATION.cff has no 'version: {version}'": f"\nversion: {version}\n" in _text("CITATION.cff"),
        "CITATION.cff has no 'date-released', or another than CHANGELOG.md": day is not None
        and f"\ndate-released: {day[1]}\n" in _text("CITATION.cff"),
    }
    if day:
        conditions[f"{day[1]} is no day, or still to come"] = _is_past(day[1])
    return [sentence for sentence, holds in conditions.items() if not holds]


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _is_past(day: str) -> bool:
    try:
        return datetime.date.fromisoformat(day) <= datetime.datetime.now(datetime.UTC).date()
    except ValueError:
        return False


def main() -> None:
    """Print what is missing, and end with 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag")
    parser.add_argument("address")
    found = missing(**vars(parser.parse_args()))
    print("\n".join(found) or "ready")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
