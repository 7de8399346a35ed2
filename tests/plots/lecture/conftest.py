"""Checks of every picture of the lecture: that it is legible."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def texts_of(picture):
    return [text for text in picture.findobj(Text) if text.get_text() and text.get_visible()]


@pytest.fixture
def texts():
    """Return a function that returns all texts of a picture."""
    return lambda picture: [text.get_text() for text in texts_of(picture)]


@pytest.fixture
def legible():
    """Return a function that fails where a text is small, cut off or overlaps another."""

    def check(picture):
        renderer = FigureCanvasAgg(picture).get_renderer()
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts_of(picture)]
        small = [text.get_text() for text in texts_of(picture) if text.get_fontsize() < 7]
        assert not small
        whole = picture.bbox
        cut = [text for text, box in boxes if not (box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1)]
        assert not cut
        assert all(box.y1 <= whole.y1 for _, box in boxes)
        for (text, box), (other, its) in itertools.combinations(boxes, 2):
            over = min(box.x1, its.x1) - max(box.x0, its.x0), min(box.y1, its.y1) - max(box.y0, its.y0)
            assert min(over) <= 0.5, (text, other)
        assert len(picture.alternative) > 30
        assert picture.alternative.endswith(".")

    return check
