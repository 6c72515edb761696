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
from poml_map.products.place import block_mean, nice_limits, weighted_mean
from poml_map.products.sheet import style


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
    maps : array_like, shape (year, y, x)
        NaN is drawn in light grey. Only ``maps[i]`` is taken, one at a time: it may be a store on disk.
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
        drawn, means = zip(*(_reduced(maps[index], sheet) for index in range(len(years))), strict=True)
        scale = Scale(STOCK, limits or nice_limits(np.stack(drawn)), np.stack(drawn))
        frames = _frames(sheet, drawn, means, years, scale, unit, outlines)
    palette = shared_palette(frames, STOCK)
    images = [to_palette(frame, palette) for frame in frames]
    comment = "; ".join([title, *notes, f"poml_map {__version__}"]).encode()
    durations = [frame_ms] * (len(images) - 1) + [last_ms]
    return _write(path, images, durations, comment)


def _reduced(values, sheet: MapSheet) -> tuple[np.ndarray, float]:
    values = sheet.checked(values)
    return block_mean(values, sheet.place.block), weighted_mean(values, sheet.grid)


def _frames(sheet, drawn, means, years, scale, unit, outlines) -> list[np.ndarray]:
    """All frames, drawn on the same sheet: only map, year, mean and dot are changed."""
    image = sheet.draw_map(drawn[0], scale, outlines)
    sheet.draw_panel(scale, unit)
    trend = Trend(sheet, *sheet.trend_frame(), years, means) if len(years) > 1 else None
    frames = []
    for index, year in enumerate(years):
        image.set_data(np.ma.masked_invalid(drawn[index]))
        sheet.set_label(str(year), means[index], unit, empty=math.isnan(means[index]))
        if trend:
            trend.show(index)
        frames.append(sheet.pixels())
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
