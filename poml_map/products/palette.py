"""Colours of all pictures, and the one palette that the frames of an animation share."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, to_rgb
from PIL import Image

INK = "#2a2420"
MUTED = "#766e67"
ACCENT = "#a8431a"
NODATA_COLOR = "#d8d8d8"
NOTE_INK, NOTE_PAPER = "#6b2a00", "#ffeccb"

#: Steps of a colour scale: finer than the eye, and leaves room in a GIF's 256 colours for text and lines.
LEVELS = 144

# Linear sRGB to CIE XYZ, rows divided by the D65 white point (IEC 61966-2-1).
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_XYZ /= _XYZ.sum(axis=1, keepdims=True)


def cielab(colors) -> np.ndarray:
    """CIELAB of sRGB colours; equal distances there look about equally different.

    Parameters
    ----------
    colors : array_like, shape (..., 3)
        sRGB from 0 to 1.

    Returns
    -------
    ndarray, shape (..., 3)
        Lightness L* from 0 to 100, a*, b*.

    References
    ----------
    CIE 15:2004, section 8.2.1; IEC 61966-2-1 for sRGB.

    Examples
    --------
    >>> cielab([[1, 1, 1], [0, 0, 0]])[:, 0].round(6).tolist()
    [100.0, 0.0]
    """
    colors = np.asarray(colors, float)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ.T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def even_colormap(anchors: list[str], levels: int = LEVELS) -> ListedColormap:
    """A colour map through `anchors`, spaced so that equal steps of the value look equally large.

    Examples
    --------
    >>> even_colormap(["white", "black"]).N
    144
    """
    colors = LinearSegmentedColormap.from_list("anchors", anchors)(np.linspace(0, 1, 1024))[:, :3]
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(cielab(colors), axis=0), axis=1))])
    even = np.linspace(0, along[-1], levels)
    channels = [np.interp(even, along, colors[:, channel]) for channel in range(3)]
    return ListedColormap(np.column_stack(channels)).with_extremes(bad=NODATA_COLOR)


#: Stocks: pale sand to dark humus. Lightness falls all the way: safe for all colour vision, and in print.
STOCK = even_colormap(["#fbf1d0", "#e9c877", "#c98b3a", "#96541f", "#623117", "#351a0f"])

#: Widths of intervals and deviations: pale to blue violet, so that nobody takes them for stocks.
WIDTH = even_colormap(["#f3f1f6", "#c9c2dd", "#8f86bb", "#57508f", "#2a2560"])

#: Differences: brown for loss, blue green for gain, pale at zero; safe for red-green blindness.
CHANGE = matplotlib.colormaps["BrBG"].resampled(LEVELS + 1).with_extremes(bad=NODATA_COLOR)


def shared_palette(frames: list[np.ndarray], colormap: Colormap) -> np.ndarray:
    """At most 256 colours for all frames: those of the map exactly, the best few for text and lines.

    Parameters
    ----------
    frames : list of ndarray of uint8, shape (rows, columns, 3)
    colormap : Colormap
        Its colours, the nodata colour and white are taken as they are.

    Returns
    -------
    ndarray of uint8, shape (n, 3)
    """
    steps = colormap(np.arange(colormap.N), bytes=True)[:, :3]
    fixed = np.vstack([steps, [[round(255 * part) for part in to_rgb(c)] for c in (NODATA_COLOR, "white")]])
    samples = np.vstack([frame.reshape(-1, 3) for frame in (frames[0], frames[len(frames) // 2], frames[-1])])
    others = samples[~np.isin(_packed(samples), _packed(fixed), kind="table")]
    if not len(others):
        return fixed.astype(np.uint8)
    reduced = Image.fromarray(others[None]).quantize(256 - len(fixed), Image.Quantize.MEDIANCUT)
    free = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)[: 256 - len(fixed)]
    return np.vstack([fixed, free]).astype(np.uint8)


def to_palette(frames: list[np.ndarray], palette: np.ndarray) -> list[Image.Image]:
    """Frames in the nearest colours of the palette, without dithering: equal colours stay equal.

    Parameters
    ----------
    frames : list of ndarray of uint8, shape (rows, columns, 3)
    palette : ndarray of uint8, shape (n, 3)

    Returns
    -------
    list of PIL.Image.Image
        Mode ``P``.
    """
    packed = [_packed(frame.reshape(-1, 3)) for frame in frames]
    seen = np.zeros(2**24, bool)
    for each in packed:
        seen[each] = True
    names = np.flatnonzero(seen)
    colors, steps = np.stack([names >> 16, names >> 8 & 255, names & 255], -1), palette.astype(np.float32)
    # The squared distance but for what is the same for all of the palette; whole numbers that float32 holds.
    distance = (steps**2).sum(axis=1) - 2 * colors.astype(np.float32) @ steps.T
    nearest = np.zeros(2**24, np.uint8)
    nearest[names] = distance.argmin(axis=1)
    images = [
        Image.fromarray(nearest[each].reshape(frame.shape[:2]))
        for each, frame in zip(packed, frames, strict=True)
    ]
    for image in images:
        image.putpalette(palette.tobytes())
    return images


def _packed(colors: np.ndarray) -> np.ndarray:
    red, green, blue = (colors[:, channel].astype(np.uint32) for channel in range(3))
    return red << 16 | green << 8 | blue
