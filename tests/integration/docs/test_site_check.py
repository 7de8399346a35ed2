"""`docs/check_site.py` finds what is wrong with a site, and nothing where nothing is."""

import importlib.util
import shutil

import pytest

from tests import processes

SCRIPT = processes.ROOT / "docs/check_site.py"
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1 id="top">{title}</h1>
{body}</main></body></html>"""
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="

needs_browser = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("playwright", "axe_playwright_python"))
    or not (shutil.which("chromium") or shutil.which("google-chrome")),
    reason="needs Chromium and playwright (pip install -e '.[docs]')",
)


def write_site(folder, **bodies):
    folder.mkdir()
    for name, body in bodies.items():
        (folder / f"{name}.html").write_text(PAGE.format(title=name, body=body), "utf-8")
    return folder


def checked(site, *options):
    """Run the script on a site, and return its exit code and the lines that it prints."""
    ended = processes.run([SCRIPT, site, *options])
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout.splitlines()


def test_a_folder_without_pages_is_no_site(tmp_path):
    ended = processes.run([SCRIPT, tmp_path])
    assert ended.returncode == 1
    assert "has no pages: build it first" in ended.stderr


@needs_browser
def test_in_turn_each_page_is_opened_in_one_theme(tmp_path):
    broken = write_site(tmp_path / "site", index='<img src="a.png">', other='<img src="a.png">')
    code, lines = checked(broken, "--in-turn")
    assert code == 1
    assert [line for line in lines if "image-alt" in line and line.startswith("index.html (light)")]
    assert [line for line in lines if "image-alt" in line and line.startswith("other.html (dark)")]
    assert lines[-1].startswith("2 pages, opened 2 times: ")


@needs_browser
def test_a_clean_site_passes_and_is_photographed(tmp_path):
    clean = f'<p><a href="other.html#top">the other page</a></p><img src="{PIXEL}" alt="a dot">'
    site = write_site(tmp_path / "site", index=clean, other='<p><a href="#top">up</a></p>')
    code, lines = checked(site, "--pictures", tmp_path / "pictures")
    assert lines == ["2 pages, opened 4 times: 0 broken links; 0 findings {}"]
    assert code == 0
    names = {f"index_{theme}_{width}.png" for theme in ("light", "dark") for width in (380, 1400)}
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == names


@needs_browser
@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ('<a href="missing.html">a page</a>', "index.html: missing.html leads nowhere"),
        ('<a href="#missing">a heading</a>', "index.html: #missing leads nowhere"),
        ('<img src="missing.png" alt="a dot">', "index.html: missing.png leads nowhere"),
        (
            '<img src="https://repository.invalid/a.png" alt="a dot">',
            "index.html (dark): requests https://repository.invalid/a.png",
        ),
        (f'<img src="{PIXEL}">', "index.html (light): image-alt, "),
        ("<p style='width: 999px'>wide</p>", "index.html (light): is 1"),  # and some pixels of margin
        ("<script>missing()</script>", "index.html (dark): missing is not defined"),
    ],
    ids=["page", "anchor", "picture", "network", "no words", "wide", "script"],
)
def test_each_fault_is_reported(tmp_path, body, finding):
    code, lines = checked(write_site(tmp_path / "site", index=body))
    assert code == 1
    assert [line for line in lines if line.startswith(finding)] != [], lines
