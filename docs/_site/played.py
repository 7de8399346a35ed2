"""The pages of `cnnzoo play` for the trained models that come with cnnzoo, built for the site.

Where a data set is not on the machine that builds the site, its page is without test images and says so.
"""

from pathlib import Path

import cnnzoo
from cnnzoo import weights

BROWSER = Path(cnnzoo.__file__).parent / "browser"
FOLDER = Path(__file__).parent / "extra"  # Sphinx copies what is in it to the root of the site


def write(folder: Path = FOLDER) -> list[Path]:
    """Write a page for each trained model that comes with cnnzoo, unless it is newer than all that it is made of.

    Args:
        folder: the folder below which `play/` is made.

    Returns:
        The pages' paths.
    """
    newest = max(path.stat().st_mtime for path in BROWSER.rglob("*") if path.suffix in (".py", ".js", ".css", ".html"))
    pages = {folder / "play" / f"{entry.card['name']}.html": entry for entry in weights.list()}
    for path, entry in pages.items():
        changed = max(newest, entry.folder.stat().st_mtime)
        if not path.is_file() or path.stat().st_mtime < changed:
            cnnzoo.play(entry.card["name"], to=path)
    for stale in {*(folder / "play").glob("*.html")} - {*pages}:
        stale.unlink()
    return list(pages)
