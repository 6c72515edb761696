"""Polygons with a key, such as counties: which one holds each pixel centre."""

from __future__ import annotations

import logging
import threading
import unicodedata
import warnings
from functools import cached_property

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from poml_map.catalog import Source, require_files
from poml_map.config import Region
from poml_map.crs import known_crs
from poml_map.cube.frames import damaged
from poml_map.cube.positions import Points, moved
from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.tables import key_text
from poml_map.vectorcheck import check_layer, check_vector

log = logging.getLogger(__name__)

_NAMED = 8


class Zones:
    """Polygons of a vector file; code i is the i-th polygon in the order of the file.

    Parameters
    ----------
    source : Source
    keys, names : tuple of str
        Key and name of each polygon.
    crs : str
    bounds : tuple of 4 float
    rows : tuple of int
        Positions in the file.
    """

    def __init__(self, source: Source, keys, names, crs: str, bounds, rows):
        self.source, self.keys, self.names, self.crs = source, tuple(keys), tuple(names), crs
        self.bounds, self._rows = tuple(float(v) for v in bounds), tuple(rows)
        self._lock = threading.Lock()

    def __getstate__(self):  # polygons stay in their file, so that tasks stay small
        return {key: value for key, value in self.__dict__.items() if key not in ("_lock", "polygons")}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())

    @cached_property
    def polygons(self) -> np.ndarray:
        """Prepared geometries, shape (zones,)."""
        shapes = shapely.make_valid(_read(self.source).geometry.to_numpy()[list(self._rows)])
        shapely.prepare(shapes)
        return shapes

    def codes(self, points: Points) -> np.ndarray:
        """Code of the polygon that holds each point; -1 outside all, the smaller code on a common edge.

        Parameters
        ----------
        points : Points, n of them

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        return points.once(("zones", id(self)), lambda: self._codes(*points.coordinates(self.crs)))

    def _codes(self, x, y) -> np.ndarray:
        codes = np.full(len(x), -1, np.int32)
        with self._lock:  # prepared geometries build their index at first use, which no second thread may see
            boxes = shapely.bounds(self.polygons)
            for code, (xmin, ymin, xmax, ymax) in enumerate(boxes):
                near = np.flatnonzero((codes < 0) & (x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax))
                if len(near):
                    hit = shapely.intersects_xy(self.polygons[code], x[near], y[near])
                    codes[near[hit]] = code
        return codes

    def shapes(self, crs: str) -> gpd.GeoDataFrame:
        """Polygons in another CRS with their keys (``zone``) and names (``name``), in the order of the codes."""
        columns = {"zone": self.keys, "name": self.names}
        return gpd.GeoDataFrame(columns, geometry=list(self.polygons), crs=self.crs).to_crs(crs)

    def outlines(self, crs: str, tolerance: float) -> list[np.ndarray]:
        """Rings in another CRS, for pictures.

        Parameters
        ----------
        crs : str
        tolerance : float
            Detail that may be lost. [units of `crs`]

        Returns
        -------
        list of ndarray, each of shape (k, 2)
        """
        rings = []
        for part in shapely.get_parts(self.polygons):
            x, y = moved(*shapely.get_coordinates(part.exterior).T, self.crs, crs)
            if np.isfinite(x).all() and np.isfinite(y).all():
                line = shapely.simplify(shapely.LineString(np.column_stack([x, y])), tolerance)
                rings.append(shapely.get_coordinates(line))
        return rings


def alike(key: str) -> str:
    """What stays of a key when case, blanks, width of characters and leading zeros do not count.

    Examples
    --------
    >>> alike("Hang  Zhou ") == alike("hangzhou"), alike("0330101") == alike("330101")
    (True, True)
    """
    return "".join(unicodedata.normalize("NFKC", key).casefold().split()).lstrip("0")


def open_zones(
    source: Source, where: dict[str, list[str]] | None = None, region: Region | None = None
) -> Zones:
    """Polygons of a catalog entry, checked.

    Parameters
    ----------
    source : Source
        Driver vector, role zones.
    where : dict, optional
        Column -> texts; only polygons with one of them are taken.
    region : Region, optional
        For messages about `where`.

    Raises
    ------
    InputError
        If the file cannot be read, has no CRS, no key column, other shapes than polygons, a key that is empty
        or used twice, or `where` selects nothing.
    """
    entry, shown = source.entry, source.shown()
    if entry.driver != "vector":
        raise InputError(source.problem(f"driver {entry.driver}", "driver vector for role zones"))
    require_files(source, [])
    frame = _read(source)
    problems = Problems()

    def add(found: str, expected: str, mend: str = "", where: str = "") -> None:
        problems.extend([source.problem(found, expected, mend, where, shown)])

    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(source.problem("a table without shapes", "polygons", "Check `uri:`.", file=shown))
    columns = [name for name in frame.columns if name != frame.geometry.name]
    for column in dict.fromkeys([entry.key, entry.name, *(where or {})]):
        if column is not None and column not in columns:
            add(f"only {', '.join(map(str, columns))}", "this column", "", f"column '{column}'")
    if frame.crs is None and not entry.crs:
        add("no CRS", "a CRS in the file or the entry", 'Add `crs: "EPSG:..."` to the entry.')
    if frame.empty or not frame.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        add("no polygons, or other shapes among them", "polygons only")
    problems.raise_if_any()
    _check_degrees(frame, entry.crs or frame.crs, add)
    problems.raise_if_any()
    keys = [key_text(value) for value in frame[entry.key]]
    bare = [key for key, empty in zip(keys, frame.geometry.is_empty, strict=True) if empty]
    if bare:
        add(f"{len(bare)} polygons without an area: {', '.join(bare[:_NAMED])}", "a shape in every row")
    crossed = [key for key, valid in zip(keys, frame.geometry.is_valid, strict=True) if not valid]
    if crossed:
        named = ", ".join(crossed[:_NAMED])
        log.warning("%s: %d polygons cross themselves and are mended: %s", shown, len(crossed), named)
    _check_keys(keys, entry.key, add)
    chosen = _choose(frame, where or {}, region, source)
    problems.raise_if_any()
    named = [key_text(value) for value in frame[entry.name]] if entry.name else keys
    crs = entry.crs or frame.crs.to_wkt()
    bounds = frame.geometry.iloc[chosen].total_bounds
    return Zones(source, [keys[i] for i in chosen], [named[i] for i in chosen], crs, bounds, chosen)


def values_of_column(region: Region, column: str, option: str) -> tuple[dict[str, str], list[str]]:
    """What an attribute of the polygons of the region's area holds.

    Parameters
    ----------
    region : Region
        Its area has polygons.
    column : str
        Any attribute of the vector file.
    option : str
        Where the user named it, for messages.

    Returns
    -------
    values : dict of str -> str
        Each value once, in the order of the file -> name of its polygon, or the value itself where it has several.
    without : list of str
        Keys of the polygons that have none.

    Raises
    ------
    InputError
        If there is no such column, no polygon has a value, or the polygons cannot be read.
    """
    area = region.settings.area
    source = region.sources[area.polygons]
    zones = open_zones(source, area.where, region)
    frame = _read(source)
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    if column not in columns:
        expected = f"a column of {source.shown()}: {', '.join(columns)}"
        raise InputError(Problem(option, "", repr(column), expected, nearest(column, columns)))
    values, without = {}, []
    texts = [key_text(value) for value in frame[column].iloc[list(zones._rows)]]
    for text, key, name in zip(texts, zones.keys, zones.names, strict=True):
        if not text:
            without.append(key)
        else:
            values[text] = text if text in values else name
    if not values:
        expected = f"a value in some polygon of {source.shown()}"
        raise InputError(Problem(option, "", f"no value in column '{column}'", expected))
    return values, without


def _read(source: Source) -> gpd.GeoDataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # remarks of GDAL on measures and closed rings
            layer = {"layer": source.entry.layer} if source.entry.layer else {}
            check_vector(source.path())
            check_layer(pyogrio.read_info(source.path(), **layer), source.path())
            return gpd.read_file(source.path(), **layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, ValueError) as error:
        raise damaged(source, source.shown(), error) from error


def _check_degrees(frame: gpd.GeoDataFrame, crs, add) -> None:
    """Corners of a geographic CRS are degrees, longitude first."""
    west, south, east, north = frame.total_bounds
    if not known_crs(crs).is_geographic or (-90 <= south <= north <= 90 and -360 <= west <= east <= 360):
        return
    found = f"corners at longitude {west:g} to {east:g} and latitude {south:g} to {north:g}"
    mend = "These are no degrees: state the CRS that they are in, by `crs:`."
    if -90 <= west <= east <= 90 and -360 <= south <= north <= 360:
        mend = "They look exchanged: write longitude first in every corner."
    add(found, "degrees, latitudes from -90 to 90", mend, "geometry")


def _check_keys(keys: list[str], column: str, add) -> None:
    where = f"column '{column}'"
    if "" in keys:
        add(f"{keys.count('')} polygons without a key", "a key in every polygon", "", where)
    twice = sorted({key for key in keys if key and keys.count(key) > 1})
    if twice:
        found = f"{len(twice)} keys of several polygons: {', '.join(twice[:_NAMED])}"
        mend = "Use a code instead of a name, or merge the polygons that belong together."
        add(found, "each key once", mend, where)


def _choose(frame, where: dict[str, list[str]], region: Region | None, source: Source) -> list[int]:
    chosen = np.ones(len(frame), bool)
    for column, wanted in where.items():
        texts = [key_text(value) for value in frame[column]]
        unknown = [text for text in wanted if text.strip() not in texts]
        if unknown:
            near = {text for text in texts if alike(text) in map(alike, unknown)}
            found = f"{', '.join(map(repr, unknown))}, which no polygon of '{source.name}' has"
            mend = f"Did you mean {', '.join(map(repr, sorted(near)))}?" if near else ""
            loc = ("area", "where", column)
            raise InputError(region.document.problem(loc, found, f"values of column '{column}'", mend))
        chosen &= np.isin(texts, [text.strip() for text in wanted])
    if not chosen.any():
        raise InputError(
            region.document.problem(("area", "where"), "conditions that no polygon meets", "some")
        )
    return [int(i) for i in np.flatnonzero(chosen)]
