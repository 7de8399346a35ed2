"""The page in a real browser: it loads nothing, logs no error, and has a light and a dark color scheme."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.integration.reports import browser


@pytest.mark.skipif(browser.PROGRAM is None, reason="needs Chromium (Debian's package chromium)")
@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_chromium_shows_a_page_without_requests_or_errors_in_light_and_dark(kind, pages, tmp_path):
    path = pages[kind]
    with browser.page(tmp_path) as page:
        page.open(path)
        every = "[...document.images].every(i => i.complete && i.naturalWidth > 50 && i.alt.length > 20)"
        assert page.evaluate(every) is True
        assert page.evaluate("document.images.length") >= 7
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
        box = page.evaluate("(r => [r.left, r.top, r.right, r.bottom])(document.images[0].getBoundingClientRect())")
        shots = {
            scheme: np.asarray(Image.open(io.BytesIO(page.screenshot(scheme))).convert("L"), float)
            for scheme in ("light", "dark")
        }
        assert [url for url in page.requested if not url.startswith("data:")] == [path.resolve().as_uri()]
        assert page.messages == []
    left, top, right, bottom = (round(side) for side in box)
    for scheme, ground, text in (("light", 255, 28), ("dark", 24, 228)):
        whole, curves = shots[scheme], shots[scheme][top:bottom, left:right]
        assert abs(np.median(whole) - ground) < 10
        # The axes and letters of a picture are as dark as the text on light, and as light on dark.
        assert (np.abs(curves - text) < 90).mean() > 0.005, scheme
