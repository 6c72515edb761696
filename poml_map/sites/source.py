"""The raw sample table, positions and their CRS, from a text table or a file of points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from poml_map.config import Region
from poml_map.crs import known_crs
from poml_map.errors import InputError, Problem, Problems
from poml_map.notdata import lies_in
from poml_map.paths import leads_out
from poml_map.tables import listed, missing_column, numbers, read_table
from poml_map.vectorcheck import check_layer, check_vector

#: Endings of text tables.
TEXT = (".csv", ".txt", ".tsv")
_FORMATS = "a CSV, GeoPackage, GeoJSON or shapefile"
_SHAPES = "a GeoPackage, GeoJSON or shapefile of polygons"
# Positions by two CRS that differ by less than this are the same. [units of the CRS]
_SAME = 1e-5


@dataclass(frozen=True)
class RawSamples:
    """What the file holds.

    Attributes
    ----------
    frame : pandas.DataFrame
        All columns, n rows; the index is called ``line`` or ``feature``.
    x, y : ndarray of float, shape (n,)
        In `crs`; NaN where there is none.
    crs : pyproj.CRS
    """

    frame: pd.DataFrame
    x: np.ndarray
    y: np.ndarray
    crs: pyproj.CRS


def open_samples(region: Region, measured: list[str], problems: Problems) -> RawSamples:
    """Read the sample file.

    Parameters
    ----------
    region : Region
    measured : list of str
        Keys of ``samples.columns`` that are columns with numbers.
    problems : Problems
        Gets coordinates that are no numbers.

    Raises
    ------
    InputError
        If the file, a column, the points or their CRS are missing.
    """
    settings, columns = region.settings.samples, region.settings.samples.columns
    names = [getattr(columns, key) for key in ("site", "year", *measured)]
    needed = [name for name in names if name is not None]
    _refuse_outside(region)
    if region.samples_path.suffix.lower() not in TEXT:
        return _points(region, needed)
    if columns.x is None or columns.y is None:
        mend = "For example `columns: {x: lon, y: lat}`."
        raise InputError(
            region.document.problem(
                ("samples", "columns"), "no x or y", "the columns of the coordinates", mend
            )
        )
    frame = read_table(region.samples_path, settings.file, settings.table, [*needed, columns.x, columns.y])
    x, y = (numbers(frame, name, settings.file, settings.table, problems) for name in (columns.x, columns.y))
    return RawSamples(frame, x, y, pyproj.CRS.from_user_input(settings.crs))


def _refuse_outside(region: Region) -> None:
    """The samples lie where sources may lie: no path and no link leads out of the data roots."""
    path, shown = region.samples_path, region.settings.samples.file
    roots = tuple(dict.fromkeys(root for source in region.sources.values() for root in source.allowed))
    try:
        stray = None if path.is_dir() else leads_out(path, roots)
        where = stray and stray.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a zero byte
        found = f"a path that cannot be followed ({getattr(error, 'strerror', None) or error})"
        raise InputError(Problem(shown, "", found, _FORMATS, "Check `samples.file`.")) from error
    if stray:
        name = "a path that" if stray == path else f"{stray.name} beside it, which"
        mend = f"If it is meant, add {str(where.parent)!r} to `data_roots:` of the region file."
        expected = f"a file below {', '.join(map(str, roots))}"
        raise InputError(Problem(shown, "", f"{name} leads to {where}", expected, mend))


def _points(region: Region, needed: list[str]) -> RawSamples:
    settings = region.settings.samples
    frame = read_layer(region.samples_path, settings.file)
    if settings.columns.x is not None:
        found, mend = "x and y", "Remove them: a file of points has its own coordinates."
        raise InputError(region.document.problem(("samples", "columns"), found, "no coordinates", mend))
    problems = Problems()
    problems.extend(
        missing_column(name, frame.columns.drop(frame.geometry.name), settings.file)
        for name in needed
        if name not in frame.columns
    )
    if frame.empty:
        problems.add(settings.file, "", "no features", "one point a sample")
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="feature")
    x, y = point_coordinates(frame.geometry, settings.file, problems)
    crs = _vector_crs(region, frame.crs, x, y, problems)
    problems.raise_if_any()
    return RawSamples(pd.DataFrame(frame), x, y, crs)


def read_layer(path: Path, shown: str, key: str = "samples.file") -> gpd.GeoDataFrame:
    """The only layer with geometries of a vector file; styles and notes beside it do not matter.

    Parameters
    ----------
    path : Path
    shown : str
        As the user wrote it.
    key : str
        What named the file, for messages.

    Raises
    ------
    InputError
        If there is no such file, it is no vector file or one that leads elsewhere, or has no layer or several.
    """
    expected = _SHAPES if key == "--area" else _FORMATS
    try:
        reason = "" if path.is_file() else "a folder" if path.is_dir() else "no such file"
        if reason:
            raise InputError(Problem(shown, "", reason, expected, f"Check `{key}`."))
        check_vector(path)
        layers = [name for name, geometry in pyogrio.list_layers(path) if geometry is not None]
        if len(layers) == 1:
            check_layer(pyogrio.read_info(path, layer=layers[0]), path)
            return gpd.read_file(path, layer=layers[0])
    except (RuntimeError, OSError, ValueError) as error:  # GDAL's reasons repeat the full path
        other = lies_in(path)
        if other and not other[0].startswith("a JSON"):  # a GeoJSON that is damaged is GDAL's to explain
            raise InputError(Problem(shown, "", other[0], expected, other[1])) from error
        text = str(error).replace(str(path), shown).partition(";")[0]
        found = f"a file that cannot be read ({text})"
        mend = "" if key == "--area" else "Save a spreadsheet as CSV."
        raise InputError(Problem(shown, "", found, expected, mend)) from error
    if len(layers) > 1:
        mend = "Save the one that is meant as a file of its own."
        raise InputError(Problem(shown, "", f"the layers {listed(layers)}", "one layer of shapes", mend))
    mend = "Save a table without points as CSV."
    raise InputError(Problem(shown, "", "a table without points", _FORMATS, mend))


def point_coordinates(geometry: gpd.GeoSeries, shown: str, problems: Problems):
    """x and y; heights are left out, a point alone in a multipoint is a point."""
    shapes = geometry.to_numpy()
    alone = (geometry.geom_type == "MultiPoint").to_numpy() & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(alone, shapely.get_geometry(shapes, 0), shapes)
    nowhere = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    other = ~nowhere & (shapely.get_type_id(shapes) != shapely.GeometryType.POINT)
    if other.any():
        kinds = listed(geometry[other].geom_type.unique())
        found = f"{kinds} in features {listed(geometry.index[other])}"
        problems.add(shown, "geometry", found, "one point a sample", "Take centroids or save points.")
    return shapely.get_x(shapes), shapely.get_y(shapes)


def _vector_crs(region: Region, of_file: pyproj.CRS | None, x, y, problems: Problems) -> pyproj.CRS | None:
    """The file's CRS; the region file's if it has none. The default is for text tables: it is never assumed."""
    settings = region.settings.samples
    try:
        of_file = of_file and known_crs(of_file)
    except pyproj.exceptions.CRSError as error:
        mend = "Save the samples in a CRS with a code."
        raise InputError(Problem(settings.file, "", str(error), "a CRS that PROJ knows", mend)) from error
    stated = pyproj.CRS.from_user_input(settings.crs) if "crs" in settings.model_fields_set else None
    if of_file is None and stated is None:
        mend = 'Write it below `samples:`, for example `crs: "EPSG:4326"`.'
        problems.add(settings.file, "", "no CRS", "a CRS in the file or in the region file", mend)
    elif of_file is not None and stated is not None:
        change = pyproj.Transformer.from_crs(of_file, stated, always_xy=True)
        if not np.allclose(change.transform(x, y), (x, y), rtol=0, atol=_SAME, equal_nan=True):
            found, expected = f"{settings.crs}, but {settings.file} is in {of_file.name}", "one CRS"
            mend = "Remove `crs:`: the file states its own."
            problems.extend([region.document.problem(("samples", "crs"), found, expected, mend)])
    return of_file or stated
