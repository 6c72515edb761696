"""The annual maps as an animation: one fixed scale, one palette, the year in plain sight."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import rioxarray  # noqa: F401 (makes `.rio` known)
import xarray as xr
from PIL import Image

from poml_map._version import __version__
from poml_map.errors import InputError, Problem, Problems, ResourceError, nearest
from poml_map.files import write_bytes_atomic
from poml_map.grid import Grid
from poml_map.products.furniture import Scale, Trend
from poml_map.products.mapsheet import MapSheet
from poml_map.products.palette import STOCK, shared_palette, to_palette
from poml_map.products.place import nice_limits
from poml_map.products.sheet import style
from poml_map.products.smallmap import SmallMap, small_map
from poml_map.tables import listed
from poml_map.units import STOCK_LABELS


def write_gif(
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


def animate(
    maps: xr.Dataset | xr.DataArray,
    path: str | Path,
    *,
    layer: str | None = None,
    title: str | None = None,
    notes: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    outlines: Iterable[np.ndarray] | None = None,
    frame_ms: int = 400,
    last_ms: int = 1600,
    dpi: int = 100,
) -> Path:
    """Write annual maps as an endless GIF.

    Parameters
    ----------
    maps : xarray.Dataset or xarray.DataArray, over (year, y, x)
        From `map_years`, `simulate` or `open_store`: with a CRS, y from north to south in equal steps, ``units``, and
        of a Dataset its title and whether the data are synthetic or stand-ins. NaN is drawn in light grey. Lazy
        maps are computed chunk of years by chunk of years.
    path : str or Path
    layer : str, optional
        Variable of a Dataset; by default ``stock`` or ``POML``, or the only one.
    title : str, optional
        Above the map; by default the title and name of `maps`.
    notes : sequence of str, optional
        What must not be overlooked; by default "Synthetic data" and stand-ins, where `maps` says so.
    limits, outlines, frame_ms, last_ms, dpi
        As in `write_gif`, which `poml-map run` calls.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        If there are no such maps in the Dataset, or they have no years, no CRS or no even grid.
    ResourceError
        If the file cannot be written whole.

    Examples
    --------
    >>> import poml_map
    >>> cube = poml_map.open_cube("demo/region.yaml")
    >>> poml_map.animate(cube[["FER"]], "fertilizer.gif", dpi=50).name
    'fertilizer.gif'
    """
    values, about = _chosen(maps, layer)
    grid = grid_of(values)
    name = str(values.attrs.get("long_name", values.name or ""))
    unit = str(values.attrs.get("units", ""))
    unit = next((ours for ours, label in STOCK_LABELS.items() if label == unit), unit)
    title = ": ".join(filter(None, [about.get("title"), name])) if title is None else title
    years = [int(year) for year in values["year"].to_numpy()]
    looks = {"limits": limits, "outlines": outlines, "frame_ms": frame_ms, "last_ms": last_ms, "dpi": dpi}
    notes = notes_of(about) if notes is None else notes
    return write_gif(_Lazily(values), years, path, grid=grid, title=title, unit=unit, notes=notes, **looks)


def notes_of(about: Mapping) -> list[str]:
    """What must be said of maps, from the attributes of a cube, of its maps, or of the store of a run.

    Examples
    --------
    >>> notes_of({"synthetic": 1, "stand_ins": "CLAY, ndvi"})
    ['Synthetic data', 'Stand-in: CLAY, ndvi']
    """
    if "notes" in about:
        return [note for note in str(about["notes"]).split("; ") if note]
    stand_ins = about.get("stand_ins")
    return [
        *(["Synthetic data"] if about.get("synthetic") else []),
        *([f"Stand-in: {stand_ins}"] if stand_ins else []),
    ]


def grid_of(values: xr.DataArray) -> Grid:
    """The grid of a map with coordinates.

    Raises
    ------
    InputError
        If it has no CRS, fewer than two rows or columns, uneven steps, or south above north.
    """
    problems, mend = (
        Problems(),
        "Take maps of `map_years` or `simulate`, or write their CRS: maps.rio.write_crs(...).",
    )
    if values.rio.crs is None:
        problems.add("maps", "", "no CRS", "a CRS in the coordinate spatial_ref", mend)
    for dim, sign in (("x", 1), ("y", -1)):
        steps = np.diff(values[dim].to_numpy()) * sign
        if len(steps) == 0 or not (steps > 0).all() or not np.allclose(steps, steps[0], rtol=1e-3):
            expected = f"equal steps {'eastwards' if dim == 'x' else 'southwards'}"
            problems.add(
                "maps", f"coordinate {dim}", f"{len(steps) + 1} places", expected, f"maps.sortby({dim!r})"
            )
    problems.raise_if_any()
    (left, width), (top, height) = (_edge(values[dim].to_numpy()) for dim in ("x", "y"))
    transform = (width, 0.0, left, 0.0, height, top)
    return Grid(values.rio.crs.to_string(), transform, values.sizes["x"], values.sizes["y"])


def _edge(centres: np.ndarray) -> tuple[float, float]:
    """Outer edge before the first centre, and the step."""
    step = float(centres[-1] - centres[0]) / (len(centres) - 1)
    return float(centres[0]) - step / 2, step


def _chosen(maps, layer: str | None) -> tuple[xr.DataArray, Mapping]:
    """The variable that is drawn, over (year, y, x), and what is known of it."""
    if not isinstance(maps, xr.Dataset | xr.DataArray):
        raise InputError(Problem("maps", "", f"a {type(maps).__name__}", "a Dataset or DataArray", ""))
    values, about = maps, dict(maps.attrs)
    if isinstance(maps, xr.Dataset):
        annual = [str(name) for name in maps.data_vars if "year" in maps[name].dims]
        usual = [name for name in ("stock", "POML", *(annual if len(annual) == 1 else [])) if name in annual]
        layer = layer or (usual[0] if usual else "")
        if layer not in annual:
            mend = nearest(layer, annual) if layer else "Choose one: layer=..."
            raise InputError(
                Problem("maps", "layer", repr(layer), f"one of {listed(annual) or 'annual maps'}", mend)
            )
        values = maps[layer]
    if set(values.dims) != {"year", "y", "x"} or not values.sizes["year"]:
        found = f"dimensions {listed(map(str, values.dims))}"
        raise InputError(
            Problem("maps", str(values.name or ""), found, "year, y and x", "Choose with .isel first.")
        )
    return values.transpose("year", "y", "x"), about


class _Lazily:
    """Maps by number. Years of one chunk are computed together: year by year, each would compute all of them again."""

    def __init__(self, values: xr.DataArray):
        self._values, self._band, self._at = values, None, range(0)
        sizes = values.chunksizes.get("year", (values.sizes["year"],))
        ends = np.cumsum(sizes).tolist()
        self._bands = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]

    def __len__(self) -> int:
        return self._values.sizes["year"]

    def __getitem__(self, index: int) -> np.ndarray:
        if index not in self._at:
            self._at = next(band for band in self._bands if index in band)
            self._band = self._values.isel(year=slice(self._at.start, self._at.stop)).to_numpy()
        return self._band[index - self._at.start]


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
