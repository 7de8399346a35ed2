"""Look at every page of the built site as readers do: links, the network, accessibility, and a phone's width.

    sphinx-build --fail-on-warning docs build/site && python docs/check_site.py build/site [--pictures FOLDER]

Every page is opened in Chromium, in the light and in the dark theme, without a network. Reported are links within the
site that lead nowhere, requests that leave it, errors of scripts, what axe-core finds (WCAG 2 A and AA, and best
practices), and pages that are wider than a phone of 380 pixels. `--in-turn` opens each page in one of the themes,
in half the time. Needs Chromium and `pip install -e '.[docs]'`.
"""

import argparse
import re
import shutil
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

THEMES = ("light", "dark")
PHONE, DESK = (380, 800), (1400, 900)
SHOWN = ("index.html", "reference/models/lenet.html", "reference/commands/train.html", "results/index.html")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


def broken_links(site: Path, pages: list[Path]) -> list[str]:
    """Return the links within the site whose page or whose place in the page is not there."""
    texts = {page: page.read_text("utf-8") for page in pages}
    anchors = {page: {unescape(name) for name in re.findall(r'\bid="([^"]+)"', text)} for page, text in texts.items()}
    found = []
    for page, text in texts.items():
        for link in {unescape(link) for link in re.findall(r'\b(?:href|src)="([^"]+)"', text)}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in anchors.get(target, ())):
                found.append(f"{page.relative_to(site)}: {link} leads nowhere")
    return found


def seen(site: Path, pages: list[Path], theme: str, pictures: Path | None = None) -> list[str]:
    """Return what is wrong with pages in a browser, in a theme."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    found: list[str] = []
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        raise SystemExit("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
        context.add_init_script(f"for (const key of ['mode', 'theme']) localStorage.setItem(key, '{theme}')")
        page = context.new_page()
        requested, errors = list[str](), list[str]()
        page.on("request", lambda request: _is_here(request.url) or requested.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        for path in pages:
            at = f"{path.relative_to(site)} ({theme})"
            page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
            page.goto(path.as_uri())
            for violation in Axe().run(page).response["violations"]:
                where = violation["nodes"][0]["html"][:120]
                found.append(f"{at}: {violation['id']}, {violation['help']}: {where} ({len(violation['nodes'])})")
            shown = str(path.relative_to(site)) in SHOWN
            if pictures and shown:
                page.screenshot(path=pictures / _name(path, site, theme, DESK), full_page=False)
            page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
            if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE[0]:
                found.append(f"{at}: is {width} pixels wide on a phone of {PHONE[0]}")
            if pictures and shown:
                page.screenshot(path=pictures / _name(path, site, theme, PHONE), full_page=False)
            found += [f"{at}: requests {address}" for address in requested] + [f"{at}: {error}" for error in errors]
            requested.clear()
            errors.clear()
        browser.close()
    return found


def _is_here(address: str) -> bool:
    return urlsplit(address).scheme in ("file", "data", "blob", "about")


def _name(path: Path, site: Path, theme: str, size: tuple[int, int]) -> str:
    return f"{'_'.join(path.relative_to(site).with_suffix('').parts)}_{theme}_{size[0]}.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=lambda text: Path(text).resolve())
    parser.add_argument("--pictures", type=Path, help="folder for screenshots of some pages")
    parser.add_argument("--in-turn", action="store_true", help="open each page in one theme, every other one in dark")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    pages = sorted(options.site.rglob("*.html"))
    pages = [page for page in pages if "_static" not in page.parts]
    if not pages:
        raise SystemExit(f"{options.site} has no pages: build it first")
    links = broken_links(options.site, pages)
    parts = [pages[number :: len(THEMES)] if options.in_turn else pages for number in range(len(THEMES))]
    with ThreadPoolExecutor() as pool:  # each theme has a browser of its own
        found = pool.map(lambda part, theme: seen(options.site, part, theme, options.pictures), parts, THEMES)
        wrong = [each for of_theme in found for each in of_theme]
    for each in [*links, *wrong]:
        print(each)
    kinds = Counter(re.sub(r"^.*?: |, .*", "", each) for each in wrong)
    opened = sum(map(len, parts))
    print(f"{len(pages)} pages, opened {opened} times: {len(links)} broken links; {len(wrong)} findings {dict(kinds)}")
    sys.exit(bool(links or wrong))


if __name__ == "__main__":
    main()
