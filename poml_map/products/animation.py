"""The annual maps as an animation: one fixed scale, one palette, the year in plain sight."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from poml_map._version import __version__
from poml_map.errors import ResourceError
from poml_map.files import write_bytes_atomic
from poml_map.grid import Grid
from poml_map.products.furniture import Scale, Trend
from poml_map.products.mapsheet import MapSheet
from poml_map.products.palette import STOCK, shared_palette, to_palette
from poml_map.products.place import nice_limits
from poml_map.products.sheet import style
from poml_map.products.smallmap import SmallMap, small_map


def animate(
    maps,
    years: Sequence[int],
    path,
    *,
    grid: Grid,
    title: str,
    unit: str,
    subtitle: str = "",
    notes: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    outlines: Iterable[np.ndarray] | None = None,
    frame_ms: int = 400,
    last_ms: int = 1600,
    dpi: int = 100,
) -> Path:
    """Write the maps of all years as an endless GIF.

    Parameters
    ----------
    maps : array_like, shape (year, y, x), or sequence of SmallMap
        NaN is drawn in light grey. Only ``maps[i]`` is taken, one at a time: it may be a store on disk, or what
        `small_map` made of each year.
    years : sequence of int, shape (year,)
    path : str or Path
    grid : Grid
    title, subtitle : str
        Above the map.
    unit : str
        ``kg/m2``, ``t/ha``, or any text.
    notes : sequence of str
        What must not be overlooked, such as "Synthetic data"; on every frame and in the file's comment.
    limits : tuple of float, optional
        Ends of the colour scale, the same in all years; by default the 2nd and 98th percentile over all
        years, rounded outwards.
    outlines : iterable of ndarray, shape (k, 2), optional
        Lines such as county borders, in the grid's CRS.
    frame_ms, last_ms : int
        How long a year and the last year are shown. [ms]
    dpi : int
        100 gives about 600 picture pixels to the map's longer side.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If there are no years, or if maps, years and grid do not fit.
    ResourceError
        If the file cannot be written whole.
    """
    if len(years) == 0 or len(maps) != len(years):
        raise ValueError(
            f"maps: {len(maps)} maps for {len(years)} years; give one map for each of at least one"
        )
    with style():
        sheet = MapSheet(grid, title, subtitle, notes, dpi=dpi)
        reduced = [small_map(maps[index], grid, dpi) for index in range(len(years))]
        drawn = np.stack([each.values for each in reduced])
        scale = Scale(STOCK, limits or nice_limits(drawn), drawn)
        frames = _frames(sheet, reduced, years, scale, unit, outlines)
    palette = shared_palette(frames, STOCK)
    images = to_palette(frames, palette)
    comment = "; ".join([*filter(None, [title, subtitle]), *notes, f"poml_map {__version__}"]).encode()
    durations = [frame_ms] * (len(images) - 1) + [last_ms]
    return _write(path, images, durations, comment)


def _frames(sheet: MapSheet, reduced: list[SmallMap], years, scale, unit, outlines) -> list[np.ndarray]:
    """All frames, drawn on the same sheet: only map, year, mean and dot are drawn again."""
    image = sheet.draw_map(reduced[0].values, scale, outlines)
    sheet.draw_panel(scale, unit)
    means = [each.mean for each in reduced]
    trend = Trend(sheet, *sheet.trend_frame(), years, means) if len(years) > 1 else None
    moving = [image.axes, *([trend.axes] if trend else []), *sheet.labels]
    frames = []
    with sheet.standing_still_but(moving) as draw:
        for index, (year, each) in enumerate(zip(years, reduced, strict=True)):
            image.set_data(np.ma.masked_invalid(each.values))
            sheet.set_label(str(year), each.mean, unit, empty=math.isnan(each.mean))
            if trend:
                trend.show(index)
            frames.append(draw())
    return frames


def _write(path, images: list[Image.Image], durations: list[int], comment: bytes) -> Path:
    data = io.BytesIO()
    images[0].save(
        data, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False,
        comment=comment,
    )  # fmt: skip

    def check(written: Path) -> None:
        with Image.open(written) as file:
            if (file.n_frames, file.size) != (len(images), images[0].size):
                raise ResourceError(
                    f"{path}: {file.n_frames} of {len(images)} frames read back; run it again."
                )

    return write_bytes_atomic(path, data.getbuffer(), check)
