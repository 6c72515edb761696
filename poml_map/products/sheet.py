"""A page measured in pixels, drawn without pyplot and whatever the user's own matplotlib settings are."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from PIL import Image, PngImagePlugin

from poml_map._version import __version__
from poml_map.files import write_bytes_atomic
from poml_map.products.palette import INK, MUTED
from poml_map.units import STOCK_LABELS

logger = logging.getLogger(__name__)

_LAYOUT_DPI = 100  # one layout pixel is one pixel of the picture at this resolution

# matplotlib's own font first; one of these, where installed, for titles in Chinese.
_CJK_FONTS = ["Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
              "PingFang SC", "Microsoft YaHei", "SimHei"]  # fmt: skip

# Where a reader of an SVG has no DejaVu Sans: these two are as wide, so that no word runs into the next.
_SVG_FONTS = "'DejaVu Sans', 'Bitstream Vera Sans', Verdana"


@contextmanager
def style() -> Iterator[None]:
    """Context in which sheets are drawn: the user's own matplotlib settings shall not change the products."""
    settings = {
        "font.family": _font_names(),
        "font.size": 9, "text.color": INK, "axes.edgecolor": MUTED, "axes.labelcolor": MUTED,
        "axes.linewidth": 0.6, "xtick.color": MUTED, "ytick.color": MUTED, "text.parse_math": False,
        "text.usetex": False, "axes.unicode_minus": True, "image.composite_image": False, "path.sketch": None,
    }  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Said once by `Sheet.wrap`; a letter shown as a box is no reason to stop a run at its end.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def _font_names() -> list[str]:
    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _CJK_FONTS if name in installed)]


@cache
def _letters() -> frozenset[int]:
    """Code points that the fonts at hand can draw."""
    fonts = [get_font(findfont(FontProperties(family=name))) for name in _font_names()]
    return frozenset(code for font in fonts for code in font.get_charmap())


def can_be_drawn(text: str) -> bool:
    """Whether the fonts at hand have every letter; boxes would stand for the others.

    Examples
    --------
    >>> can_be_drawn("Hangzhou"), can_be_drawn(chr(0x10FFFD))
    (True, False)
    """
    return all(letter.isspace() or ord(letter) in _letters() for letter in text)


def unit_text(unit: str) -> str:
    """A unit with raised powers, and carbon named in stocks.

    Examples
    --------
    >>> unit_text("kg/m2"), unit_text("t/ha"), unit_text("%")
    ('kg C m⁻²', 't C ha⁻¹', '%')
    """
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"-\d\b", lambda power: power[0].translate(raised), STOCK_LABELS.get(unit, unit))


def raised(text: str) -> str:
    """Units of stocks as people write them, on one line.

    Examples
    --------
    >>> raised("0.4 kg C m-2").replace("\N{NO-BREAK SPACE}", " ")
    '0.4 kg C m⁻²'
    """
    for label in STOCK_LABELS.values():
        text = text.replace(label, unit_text(label).replace(" ", "\N{NO-BREAK SPACE}"))
    return text


class Sheet:
    """A white page measured in layout pixels from its upper left corner.

    Parameters
    ----------
    width, height : int
        Size in layout pixels.
    dpi : int
        100 makes one picture pixel of each layout pixel; 200 makes four.
    """

    def __init__(self, width: int, height: int, dpi: int):
        self.width, self.height, self.dpi = width, height, dpi
        # A hundredth of a pixel more, since matplotlib cuts off what rounding leaves of the last one.
        size = ((width + 0.01) / _LAYOUT_DPI, (height + 0.01) / _LAYOUT_DPI)
        self.figure = Figure(figsize=size, dpi=dpi, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.paper = self.axes(0, 0, width, height)
        self.paper.set(xlim=(0, width), ylim=(height, 0))
        self.paper.set_axis_off()
        self.paper.set_zorder(5)  # words over a map

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """New axes whose frame has these edges."""
        bottom = 1 - (top + height) / self.height
        return self.figure.add_axes((left / self.width, bottom, width / self.width, height / self.height))

    def text(self, left: float, top: float, text: str, size: float, **kwargs):
        """Text whose upper left corner is here; see matplotlib's Text for the rest."""
        return self.paper.text(left, top, text, fontsize=size, **{"va": "top", **kwargs})

    def text_width(self, text: str, size: float, weight: str = "normal") -> float:
        """Layout pixels that one line of text takes."""
        font = FontProperties(family=matplotlib.rcParams["font.family"], size=size, weight=weight)
        drawn = self.canvas.get_renderer().get_text_width_height_descent(text or " ", font, False)[0]
        return drawn * _LAYOUT_DPI / self.dpi

    def largest(self, text: str, size: float, width: float, weight: str = "normal") -> float:
        """`size`, or as much smaller as makes `text` fit in `width` layout pixels."""
        return size * min(1, width / self.text_width(text, size, weight))

    def wrap(self, text: str, size: float, width: float, weight: str = "normal") -> list[str]:
        """`text` in lines of at most `width` layout pixels, broken at blanks."""
        boxes = {letter for letter in text if not letter.isspace() and ord(letter) not in _letters()}
        if boxes:
            logger.warning("No font here has %s: boxes stand for them in %r.", "".join(sorted(boxes)), text)
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".lstrip()
            if lines[-1] and self.text_width(longer, size, weight) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def pixels(self) -> np.ndarray:
        """The drawn sheet, uint8, shape (rows, columns, 3)."""
        self.canvas.draw()
        return self._buffer()

    @contextmanager
    def standing_still_but(self, moving: Sequence[Artist]) -> Iterator[Callable[[], np.ndarray]]:
        """Draw the sheet once, and then again and again only what moves.

        Parameters
        ----------
        moving : sequence of Artist
            In the order in which they are painted: those that lie above others come later.

        Yields
        ------
        callable
            Gives what `pixels` would, in a fifth of the time.
        """
        for artist in moving:
            artist.set_animated(True)
        self.canvas.draw()
        still = self.canvas.copy_from_bbox(self.figure.bbox)

        def draw() -> np.ndarray:
            self.canvas.restore_region(still)
            for artist in moving:
                artist.draw(self.canvas.get_renderer())
            return self._buffer()

        yield draw
        for artist in moving:
            artist.set_animated(False)

    def _buffer(self) -> np.ndarray:
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def save_png(self, path, facts: dict[str, str]) -> Path:
        """Write the sheet as PNG, whole or not at all, with `facts` as its text fields."""
        info = PngImagePlugin.PngInfo()
        for name, fact in {"Software": f"poml_map {__version__}", **facts}.items():
            if fact:
                info.add_itxt(name, fact)
        data = io.BytesIO()
        Image.fromarray(self.pixels()).save(data, "PNG", dpi=(self.dpi, self.dpi), pnginfo=info)
        return write_bytes_atomic(path, data.getbuffer(), lambda written: Image.open(written).close())

    def save_svg(self, path, facts: dict[str, str]) -> Path:
        """Write the same drawing as SVG, whole or not at all: text stays text, and equal sheets give equal files.

        Parameters
        ----------
        path : str or Path
        facts : dict of str
            ``Title`` and ``Comment``, as for `save_png`.
        """
        told = {"Title": facts.get("Title"), "Description": facts.get("Comment") or None, "Date": None}
        told["Creator"] = f"poml_map {__version__}"
        data = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": "poml_map", "svg.fonttype": "none"}):
            self.figure.savefig(data, format="svg", dpi=self.dpi, metadata=told, facecolor="white")
        self.figure.set_canvas(self.canvas)
        text = data.getvalue().replace("'DejaVu Sans'", _SVG_FONTS)
        return write_bytes_atomic(path, text.encode())
