"""Add a version of the documentation site to the folder of all versions, and list them for the site's switcher.

    python .github/publish_docs.py SITE PAGES VERSION ADDRESS

Each version has a folder of its own: `latest` for the main branch, `1.2.3` for a release. `switcher.json` names them,
the newest release first among releases, and `index.html` leads to that release, or to `latest` before there is one.
"""

import json
import re
import shutil
import sys
from pathlib import Path

LATEST = "latest"
RELEASE = re.compile(r"\d+\.\d+\.\d+")


def versions(pages: Path) -> list[str]:
    """Return the versions in a folder: `latest`, and then releases, the newest first."""
    names = [path.name for path in pages.iterdir() if path.is_dir()]
    releases = [name for name in names if RELEASE.fullmatch(name)]
    newest_first = sorted(releases, key=lambda name: [*map(int, name.split("."))], reverse=True)
    return [LATEST] * (LATEST in names) + newest_first


def switcher(names: list[str], address: str) -> list[dict[str, str | bool]]:
    """Return the list of versions as the theme's switcher reads it.

    Args:
        names: the versions, as `versions` returns them.
        address: where the folder of all versions is published.
    """
    stable = next((name for name in names if name != LATEST), None)
    entries: list[dict[str, str | bool]] = []
    for name in names:
        entry: dict[str, str | bool] = {"name": name, "version": name, "url": f"{address}/{name}/"}
        if name == stable:
            entry |= {"name": f"{name} (stable)", "preferred": True}
        entries.append(entry)
    return entries


def publish(site: Path, pages: Path, version: str, address: str) -> None:
    """Put a built site in the place of its version, and write the list of versions and the page that leads to one.

    Args:
        site: the built site.
        pages: the folder of all versions.
        version: `latest`, or a release such as `1.2.3`.
        address: where the folder of all versions is published.
    """
    if version != LATEST and not RELEASE.fullmatch(version):
        raise SystemExit(f"a version must be {LATEST} or of the form 1.2.3. Received: {version!r}")
    shutil.rmtree(pages / version, ignore_errors=True)
    shutil.copytree(site, pages / version)
    names = versions(pages)
    (pages / "switcher.json").write_text(json.dumps(switcher(names, address), indent=1) + "\n", "utf-8")
    (pages / ".nojekyll").touch()  # folders whose names begin with an underscore are published, too
    best = next((name for name in names if name != LATEST), LATEST)
    (pages / "index.html").write_text(
        f'<!doctype html><html lang="en"><title>cnnzoo</title><meta http-equiv="refresh" content="0; url={best}/">'
        f'<main><h1>cnnzoo</h1><a href="{best}/">Documentation</a></main></html>\n',
        "utf-8",
    )


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4].rstrip("/"))
