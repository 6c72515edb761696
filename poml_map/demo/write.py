"""The demo folder: every file of the region, in the formats that the sources themselves come in."""

from __future__ import annotations

import errno
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.demo import rasters, survey, texts
from poml_map.demo.sizes import RUN_YEARS, SIZES, Size
from poml_map.demo.truth import true_stock
from poml_map.demo.vegetation import make_vegetation
from poml_map.demo.world import Places, World, cropland_places, make_world, target_grid
from poml_map.errors import InputError, Problem, nearest
from poml_map.files import resource_error, write_text_atomic
from poml_map.grid import Grid
from poml_map.vectorfile import write_layer

#: A folder with this file in it is an earlier demo, which may be written over.
MARKER = ".poml-map-demo"


def write_demo(
    directory: str | Path, size: str = "small", seed: int = 1, *, intervals: bool = False
) -> list[Path]:
    """Write the synthetic demo region.

    Parameters
    ----------
    directory : str or Path
        New, empty, or an earlier demo, which is written over.
    size : {"small", "tiny", "paper"}
        500 m and about 30,000 pixels of cropland; a few hundred pixels for tests; 90 m and 0.93 million.
    seed : int
        Another seed, another region. The same seed gives the same arrays each time.
    intervals : bool
        Whether `region.yaml` asks for prediction intervals.

    Returns
    -------
    list of Path
        The files, `region.yaml` first.

    Raises
    ------
    InputError
        If the folder holds other things, or size or seed is none.
    ResourceError
        If the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_demo(folder, size="tiny")
    ...     len(paths), paths[0].name
    (217, 'region.yaml')
    """
    directory = Path(directory)
    wanted = _checked_size(size, seed)
    _check_folder(directory)
    try:
        return _write(directory, wanted, int(seed), intervals)
    except OSError as error:
        # GDAL gives a text without a number.
        named = error if error.errno else OSError(errno.EIO, str(error))
        raise resource_error(directory, named) from error


def _checked_size(size: str, seed: int) -> Size:
    if size not in SIZES:
        expected = f"one of {', '.join(SIZES)}"
        raise InputError(Problem("demo", "size", repr(size), expected, nearest(str(size), SIZES)))
    if int(seed) != seed or seed < 0:
        raise InputError(Problem("demo", "seed", repr(seed), "a whole number from 0"))
    return SIZES[size]


def _check_folder(directory: Path) -> None:
    mend = "Name another folder; nothing was written."
    if directory.exists() and not directory.is_dir():
        raise InputError(Problem(str(directory), "", "a file", "a folder that is new or empty", mend))
    if not directory.exists() or (directory / MARKER).is_file():
        return
    held = sorted(path.name for path in directory.iterdir())
    if held:
        found = f"a folder with other things in it ({', '.join(held[:3])}{' ...' if len(held) > 3 else ''})"
        expected = "a folder that is new, empty or an earlier demo"
        raise InputError(Problem(str(directory), "", found, expected, mend))


def _write(directory: Path, size: Size, seed: int, intervals: bool) -> list[Path]:
    sources, truth = directory / "sources", directory / "truth"
    for folder in (directory, sources, truth):
        folder.mkdir(parents=True, exist_ok=True)
    # First of all, so that a demo that was cut short can be written again.
    (directory / MARKER).write_text(f"{rasters.MARK}\n", encoding="utf-8")
    world = make_world(size, seed)
    paths = _write_texts(directory, size, seed, intervals)
    paths += _write_truth(directory, world)
    paths += rasters.write_terrain(sources, world) + rasters.write_soil(sources, world)
    paths += _write_counties(sources, world)
    paths += rasters.write_climate(sources, world.climate)
    vegetation = make_vegetation(size, seed, world.land, world.climate)
    return paths + rasters.write_ndvi(sources, vegetation)


def _write_texts(directory: Path, size: Size, seed: int, intervals: bool) -> list[Path]:
    return [
        write_text_atomic(directory / "region.yaml", texts.region_text(size, intervals)),
        write_text_atomic(directory / "data_catalog.yaml", catalog_text()),
        write_text_atomic(directory / "README.txt", texts.readme_text(size, seed)),
    ]


def catalog_text() -> str:
    """The text of data_catalog.yaml: inside an installed package, else at the top of the repository."""
    package = resources.files("poml_map")
    for place in (package, package.joinpath("..")):
        file = place.joinpath("data_catalog.yaml")
        if file.is_file():
            return file.read_text(encoding="utf-8")
    mend = "Install the package again."
    raise InputError(Problem("data_catalog.yaml", "", "no such file", "the package's own catalog", mend))


def _write_truth(directory: Path, world: World) -> list[Path]:
    grid = target_grid(world)
    places = cropland_places(world, grid)
    stock = true_stock(world, places)
    chosen = survey.choose_sites(world, grid, places)
    folder = directory / "truth"
    tables = {
        directory / "samples.csv": survey.samples(world, grid, places, chosen, stock),
        folder / "site_stock.csv": survey.true_table(chosen, stock),
    }
    paths = [_write_table(path, table) for path, table in tables.items()]
    paths += [write_text_atomic(folder / "truth.json", texts.truth_text(world, stock, chosen))]
    for year, values in zip(RUN_YEARS, stock, strict=True):
        paths.append(_write_stock(folder / f"SOCS_TRUTH_{year}.tif", grid, places, values, year))
    return paths


def _write_stock(path: Path, grid: Grid, places: Places, values: np.ndarray, year: int) -> Path:
    pixels = np.full((1, *grid.shape), np.nan, np.float32)
    pixels.reshape(-1)[places.index] = values
    tags = {"YEAR": year, "TITLE": f"Synthetic true stock {year}"}
    return rasters.write_geotiff(
        path, pixels, grid.crs, grid.transform, nodata=np.nan, unit="kg/m2", tags=tags
    )


def _write_counties(folder: Path, world: World) -> list[Path]:
    path = write_layer(world.counties.table, folder / "counties.gpkg", "counties", rasters.MARK)
    return [path, _write_table(folder / "fertilizer.csv", world.counties.fertilizer_table())]


def _write_table(path: Path, table: pd.DataFrame) -> Path:
    return write_text_atomic(path, table.to_csv(index=False, lineterminator="\n"))
