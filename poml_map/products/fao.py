"""Maps as FAO's global soil carbon maps have them: t C/ha on the WGS84 grid of 30 arc-seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from poml_map.errors import InputError, Problem
from poml_map.grid import Grid
from poml_map.products.geotiff import TAG_PREFIX, read_map, write_raster
from poml_map.products.made import MadeMap, made_maps
from poml_map.schema import CHANGE_HEADS, MODELS
from poml_map.units import STOCK_LABELS, conversion

FAO_CRS, FAO_UNIT = "EPSG:4326", "t/ha"

#: Pixels of a degree: edges lie at whole multiples of 30 arc-seconds from Greenwich and the equator.
CELLS_A_DEGREE = 120

#: A cell that is covered by less has no value. With one half, cells at the edge that are lost make up for those that
#: count as whole, so that the area of the map stays that of the region.
LEAST_COVER = 0.5

# What stays right when it is averaged over space: a limit, a spread or a class of a cell is not the mean of those of
# its pixels.
_LAYERS = {*MODELS, *(f"{head}_{model}" for head in CHANGE_HEADS for model in MODELS)}


def write_fao(run: str | Path) -> list[Path]:
    """Write `fao/` beside `maps/`: stocks of all models and years, and their change, on the grid of FAO in t C/ha.

    The names are ours, such as ``SOCS_POML_1980_30s_t_ha.tif``: GSOCseq gives its own names to today's stock and to
    scenarios of the next twenty years, which these maps are not. The depth is that of the region.

    Parameters
    ----------
    run : str or Path
        Folder of a run; only `maps/` is read.

    Returns
    -------
    list of Path
        In the order of `poml_map.products.made_maps`. Intervals, classes, pools and indices are not among them.

    Raises
    ------
    InputError
        If `maps/` holds no map of a stock or of its change, or if a map lies across the 180th meridian.
    ResourceError
        If a file cannot be written.
    """
    maps = [made for made in made_maps(run) if made.layer in _LAYERS]
    if not maps:
        mend = "Give the folder of a finished run."
        raise InputError(Problem(str(Path(run) / "maps"), "", "no map of a stock", "SOCS_POML_*.tif", mend))
    folder = Path(run) / "fao"
    folder.mkdir(exist_ok=True)
    return [_write(made, folder / f"{made.path.stem}_30s_t_ha.tif") for made in maps]


def cells_under(grid: Grid) -> Grid:
    """The part of the global grid of 30 arc-seconds that holds all of `grid`.

    Raises
    ------
    ValueError
        If `grid` lies across the 180th meridian.

    Examples
    --------
    >>> cells = cells_under(Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 40, 20))
    >>> cells.shape, [round(edge * 120, 6) for edge in cells.bounds]
    ((12, 26), [14384.0, 3672.0, 14410.0, 3684.0])
    """
    bounds = transform_bounds(grid.crs, FAO_CRS, *grid.bounds)
    if bounds[0] > bounds[2]:
        raise ValueError(f"the map lies across the 180th meridian, from {bounds[0]:.4g} to {bounds[2]:.4g}")
    return Grid.from_bounds(bounds, 1 / CELLS_A_DEGREE, FAO_CRS)


def cell_means(values, grid: Grid, cells: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Means over cells, each pixel weighted by its area in the cell, and the share of each cell that has values.

    Parameters
    ----------
    values : array_like, shape (y, x)
        NaN where there is no value.
    grid, cells : Grid
        Of the values and of the means. `cells` may be finer.

    Returns
    -------
    means : ndarray of float32, shape of `cells`
        NaN where nothing of a cell has a value.
    cover : ndarray of float32, shape of `cells`
        From 0 to 1. What lies outside `grid` has no value.
    """
    values = np.asarray(values, np.float32)
    means, cover = np.full(cells.shape, np.nan, np.float32), np.zeros(cells.shape, np.float32)
    _average(values, grid, means, cells, src_nodata=np.nan, dst_nodata=np.nan)
    # GDAL leaves out what is outside its source, as it leaves out nodata: a margin makes it count as not covered.
    margin = 2 + 2 * max(-(-grid.width // cells.width), -(-grid.height // cells.height))
    a, b, c, d, e, f = grid.transform
    corner = (a, b, c - margin * a, d, e, f - margin * e)
    wide = Grid(grid.crs, corner, grid.width + 2 * margin, grid.height + 2 * margin)
    _average(np.pad(np.isfinite(values), margin).astype(np.uint8), wide, cover, cells)
    return means, cover


def _average(values: np.ndarray, grid: Grid, means: np.ndarray, cells: Grid, **nodata: float) -> None:
    reproject(
        values,
        means,
        src_transform=rasterio.Affine(*grid.transform),
        src_crs=grid.crs,
        dst_transform=rasterio.Affine(*cells.transform),
        dst_crs=cells.crs,
        resampling=Resampling.average,
        tolerance=0,  # every position is computed, none is interpolated
        **nodata,
    )


def _write(made: MadeMap, path: Path) -> Path:
    with rasterio.open(made.path) as file:
        grid = Grid(file.crs.to_wkt(), tuple(file.transform)[:6], file.width, file.height)
        band, tags = file.descriptions[0], file.tags()
    try:
        cells = cells_under(grid)
    except ValueError as error:
        expected = "a region on one side of it"
        mend = "Write `profile: own`, or cut the region there."
        raise InputError(Problem(str(made.path), "", str(error), expected, mend)) from error
    means, cover = cell_means(read_map(made.path), grid, cells)
    means[cover < LEAST_COVER] = np.nan
    unit, label = STOCK_LABELS["kg/m2"], STOCK_LABELS[FAO_UNIT]
    target = made.unit.replace(unit, label)
    means *= np.float32(conversion(made.unit, target)[0])
    about = f"area-weighted mean over cells of 30 arc-seconds with values on {LEAST_COVER:.0%} or more"
    tags = {name: text for name, text in tags.items() if name.startswith((TAG_PREFIX, "TIFFTAG_"))}
    tags["TIFFTAG_IMAGEDESCRIPTION"] = f"{made.text.replace(unit, label)}; {about}"
    tags[f"{TAG_PREFIX}UNIT"] = target
    tags[f"{TAG_PREFIX}RESAMPLING"] = about
    tags[f"{TAG_PREFIX}RESAMPLED_FROM"] = f"{made.path.name}, {_grid_text(grid)}"
    return write_raster(path, means, cells, band=band, unit=target, tags=tags)


def _grid_text(grid: Grid) -> str:
    crs = pyproj.CRS.from_user_input(grid.crs)
    width, height = grid.resolution
    return f"{crs.name}, pixels of {width:.10g} x {height:.10g} {crs.axis_info[0].unit_name}"
