"""What a figure really drew: every word with its place and size, as the renderer got it."""

import importlib.util
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import RendererAgg

_spec = importlib.util.spec_from_file_location("figure_examples", Path(__file__).with_name("examples.py"))
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)


@dataclass(frozen=True)
class Word:
    """A drawn text and its box. [pixel of the PNG, from the upper left]"""

    text: str
    size: float
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other, slack):
        """Whether the boxes share more than `slack` pixels in both directions."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > slack and down > slack


class Figures:
    """Draws each example once."""

    def __init__(self, folder):
        self._folder, self._drawn = folder, {}

    def __call__(self, name):
        """PNG, SVG and words of an example."""
        if name not in self._drawn:
            path = self._folder / name.replace(" ", "_") / "figure.v1"
            path.parent.mkdir()
            with recorded_words() as words:
                self._drawn[name] = *examples.draw(name, path, subtitle="below the title"), words
        return self._drawn[name]


@contextmanager
def recorded_words():
    """The list that all words drawn in the block get into."""
    found, draw = [], RendererAgg.draw_text

    def recorded(self, gc, x, y, s, prop, angle, *args, **kwargs):
        width, height, descent = self.get_text_width_height_descent(s, prop, False)
        if s.strip():
            found.append(Word(s, prop.get_size_in_points(), x, y - height + descent, x + width, y + descent))
        return draw(self, gc, x, y, s, prop, angle, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RendererAgg, "draw_text", recorded)
        yield found


@pytest.fixture(scope="session")
def figures(tmp_path_factory):
    """Every example, drawn once for all tests."""
    return Figures(tmp_path_factory.mktemp("figures"))
