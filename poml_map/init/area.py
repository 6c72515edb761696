"""The polygons that the user gave: which column names them, and which of them hold samples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from poml_map.crs import known_crs
from poml_map.errors import InputError, Problem
from poml_map.sites.source import read_layer
from poml_map.tables import key_text

# Best first. Codes before names: names change and come twice.
_KEYS = (
    "adcode", "code", "gid", "geoid", "fips", "nuts_id", "gadm", "shapeid", "county_id", "zone_id", "id", "key",
    "代码", "行政区划代码", "区划码", "编码", "objectid", "fid",
)  # fmt: skip
_NAMES = (
    "name",
    "county",
    "name_3",
    "name_2",
    "shapename",
    "label",
    "district",
    "名称",
    "县",
    "区县",
    "县名",
)
# Polygons with samples that make less of the area than this leave the others out: a country of which one corner
# was sampled.
_MOST_OF_IT = 0.5


@dataclass(frozen=True)
class Polygons:
    """The polygons.

    Attributes
    ----------
    path : Path
    shown : str
    frame : geopandas.GeoDataFrame
        In EPSG:4326, only those that hold samples after `with_samples`.
    crs : pyproj.CRS
        Of the file.
    key, name : str, optional
        Columns.
    count : int
        How many the file has.
    """

    path: Path
    shown: str
    frame: gpd.GeoDataFrame
    crs: pyproj.CRS
    key: str | None
    name: str | None
    count: int

    @property
    def keys(self) -> list[str]:
        """Key of each polygon."""
        return [key_text(value) for value in self.frame[self.key]] if self.key else []

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north. [degree]"""
        return tuple(float(value) for value in self.frame.total_bounds)

    @property
    def entry_name(self) -> str:
        """A name for the catalog, from that of the file.

        Examples
        --------
        >>> Polygons(Path("Kreise 2020.gpkg"), "", gpd.GeoDataFrame(), None, "id", None, 3).entry_name
        'Kreise_2020'
        """
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", self.path.stem).strip("_")
        return plain if re.match(r"[A-Za-z]", plain) else f"area_{plain}".strip("_")

    @cached_property
    def shapes(self) -> np.ndarray:
        """Valid geometries in EPSG:4326."""
        return shapely.make_valid(self.frame.geometry.to_numpy())

    def which(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Position of the polygon that holds each point; -1 outside all and for NaN."""
        found = np.full(len(lon), -1)
        for number, shape in enumerate(self.shapes):
            shapely.prepare(shape)
            found[(found < 0) & shapely.intersects_xy(shape, lon, lat)] = number
        return found

    def with_samples(self, which: np.ndarray) -> Polygons:
        """Only the polygons that hold samples, where these make less than half of the area; else all.

        Parameters
        ----------
        which : ndarray of int
            From `which`.
        """
        hit = np.unique(which[which >= 0])
        size = self.frame.geometry.to_crs("+proj=cea +datum=WGS84").area.to_numpy()
        if not len(hit) or self.key is None or size[hit].sum() >= _MOST_OF_IT * size.sum():
            return self
        return Polygons(
            self.path, self.shown, self.frame.iloc[hit], self.crs, self.key, self.name, self.count
        )


def read_polygons(path: Path) -> Polygons:
    """Read the polygons of the area.

    Raises
    ------
    InputError
        If the file cannot be read, has no CRS, no features, other shapes than polygons, or no degrees where its CRS
        says so.
    """
    shown = str(path)
    frame = read_layer(path, shown, "--area")
    if frame.empty or not frame.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        kinds = ", ".join(sorted({str(kind) for kind in frame.geom_type})) or "no features"
        raise InputError(
            Problem(shown, "", kinds, "polygons only", "Leave out --area to take a box around the samples.")
        )
    if frame.crs is None:
        mend = "Save it with its CRS (a shapefile needs its .prj)."
        raise InputError(Problem(shown, "", "no CRS", "polygons with a CRS", mend))
    try:
        crs = known_crs(frame.crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            Problem(shown, "", str(error), "a CRS that PROJ knows", "Save it in a CRS with a code.")
        ) from error
    west, south, east, north = frame.total_bounds
    if crs.is_geographic and not (-90 <= south <= north <= 90 and -360 <= west <= east <= 360):
        found = f"corners at longitude {west:g} to {east:g} and latitude {south:g} to {north:g}"
        mend = "These are no degrees: save it in the CRS that it is drawn in."
        if -90 <= west <= east <= 90 and -180 <= south <= north <= 180:
            mend = "Longitude and latitude look exchanged: write longitude first in every corner."
        raise InputError(Problem(shown, "geometry", found, "degrees, latitudes from -90 to 90", mend))
    key = _key_column(frame)
    return Polygons(path, shown, frame.to_crs("EPSG:4326"), crs, key, _name_column(frame, key), len(frame))


def _columns(frame: gpd.GeoDataFrame) -> list[str]:
    return [str(name) for name in frame.columns if name != frame.geometry.name]


def _rank(column: str, known: tuple[str, ...]) -> int:
    return known.index(column.lower()) if column.lower() in known else len(known)


def _key_column(frame: gpd.GeoDataFrame) -> str | None:
    """A column with another text in every polygon: known codes first, then other codes, then whatever is unique."""
    unique = []
    for column in _columns(frame):
        texts = [key_text(value) for value in frame[column]]
        if "" not in texts and len(set(texts)) == len(texts):
            measure = pd.api.types.is_float_dtype(frame[column]) and not all(map(str.isdigit, texts))
            unique.append((measure, _rank(column, _KEYS), _rank(column, _NAMES), len(unique), column))
    return min(unique)[-1] if unique else None


def _name_column(frame: gpd.GeoDataFrame, key: str | None) -> str | None:
    texts = [
        name for name in _columns(frame) if name != key and not pd.api.types.is_numeric_dtype(frame[name])
    ]
    texts = [name for name in texts if all(key_text(value) for value in frame[name])]
    known = [name for name in texts if name.lower() in _NAMES]
    return min(known, key=lambda name: _rank(name, _NAMES)) if known else None
