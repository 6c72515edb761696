"""Which columns are the coordinates, in which CRS, and whether they are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyproj

from poml_map.crs import known_crs
from poml_map.init.area import Polygons
from poml_map.init.keys import Key, quoted
from poml_map.init.minutes import not_decimal
from poml_map.init.names import Named, named
from poml_map.init.notes import Notes
from poml_map.init.table import Table
from poml_map.tables import listed
from poml_map.yamlmodel import MISSING

_DEGREES = "EPSG:4326"
_DEGREE_WORDS = (
    ("longitude", "latitude"), ("lon", "lat"), ("long", "lat"), ("lng", "lat"), ("经度", "纬度"), ("东经", "北纬"),
    ("länge", "breite"), ("laenge", "breite"),
)  # fmt: skip
_OTHER_WORDS = (("easting", "northing"), ("east", "north"), ("x", "y"), ("e", "n"))
# A way to read the coordinates is believed from this share of rows on.
_MOST = 0.5
# Two pairs of columns that lie closer than this say the same. [m]
_SAME = 200.0


@dataclass(frozen=True)
class Places:
    """Where the samples lie.

    Attributes
    ----------
    lon, lat : ndarray of float, shape (n,)
        NaN where there is none, everywhere if columns or CRS are unknown.
    crs : str
        Empty if unknown.
    x, y : str, optional
        Columns; None for a layer of points and where none were found.
    why : str
        How it was found, or why not.
    is_assumed : bool
        Whether `why` tells of something that the file does not.
    of_layer : bool
    exchanged : tuple of int
        Rows outside the area that would lie inside with x and y exchanged.
    written : tuple of 2 ndarray, optional
        x and y as they stand in the file; None where no columns were found.
    """

    lon: np.ndarray
    lat: np.ndarray
    crs: str = ""
    x: str | None = None
    y: str | None = None
    why: str = ""
    is_assumed: bool = False
    of_layer: bool = False
    exchanged: tuple[int, ...] = ()
    written: tuple[np.ndarray, np.ndarray] | None = None

    def keys(self, notes: Notes) -> tuple[list[Key], list[Key]]:
        """Keys of ``samples`` and of ``samples.columns``; what is missing or assumed goes into `notes`."""
        if self.exchanged:
            rows = listed(self.exchanged)
            why = f"lines {rows} would lie in the area with x and y exchanged: mend them in the table."
            notes.lacks("samples", why)
        if not (self.of_layer or self.x):
            notes.lacks("samples.columns.x and .y", self.why)
            return [], [
                Key("x", MISSING, f"Longitude or easting. {self.why}"),
                Key("y", MISSING, "Latitude."),
            ]
        if not self.crs:
            notes.lacks("samples.crs", self.why)
        elif self.is_assumed:
            notes.assumes("samples.crs", self.why)
        why = f"The CRS of the coordinates. {self.why}"
        crs = [Key("crs", f'"{self.crs}"' if self.crs else MISSING, why)]
        if self.of_layer:  # the file states its own
            return (crs if self.is_assumed or not self.crs else []), []
        axes = [
            Key("x", quoted(self.x), "Longitude or easting."),
            Key("y", quoted(self.y), "Latitude or northing."),
        ]
        return crs, axes


def find_places(table: Table, area: Polygons | None) -> Places:
    """The positions of the samples.

    Parameters
    ----------
    table : Table
    area : Polygons, optional
        Of several columns of coordinates, those are taken that lie in it.

    Returns
    -------
    Places
    """
    nothing = np.full(len(table.frame), np.nan)
    if table.points is not None:
        return _of_layer(table, area)
    readings = [each for pair in _pairs(table) for each in _readings(table, pair, area)]
    if not readings:
        names = ", ".join(table.columns)
        why = "no two columns of numbers are called like coordinates, such as lon and lat or x and y "
        why += f"(there are {names})."
        return Places(nothing, nothing, why=why)
    # Sorting keeps the order of equals: degrees come before easting and northing.
    best = max(readings, key=lambda each: (round(_share(each, area), 2), bool(each.crs), not each.is_assumed))
    others = [each for each in readings if each.crs and each.x not in (best.x, best.y)]
    return _with_rows(_with_other(best, others), table, area)


def _of_layer(table: Table, area: Polygons | None) -> Places:
    x, y = table.points
    nothing = np.full(len(x), np.nan)
    if table.crs is not None:
        try:
            crs = known_crs(table.crs)
        except pyproj.exceptions.CRSError as error:
            return Places(nothing, nothing, why=f"The file has {error}.", of_layer=True, written=(x, y))
        code = crs.to_string()
        return Places(
            *_degrees(x, y, crs), crs=code, why=f"The file states {crs.name}.", of_layer=True, written=(x, y)
        )
    if _are_degrees(x, y):
        why = "The file states none; the numbers are degrees, taken for WGS 84."
        return Places(x, y, crs=_DEGREES, why=why, is_assumed=True, of_layer=True, written=(x, y))
    return Places(
        nothing, nothing, why=f"The file states none. {_suggested(x, y, area)}", of_layer=True, written=(x, y)
    )


def _pairs(table: Table) -> Iterator[tuple[Named, Named, bool]]:
    """Columns of x and of y whose names differ in the axis alone, and whether they are called degrees."""
    names = [named(column) for column in table.columns]
    by_words = {(name.words, name.crs): name for name in reversed(names)}
    seen = set()
    for degrees, axes in ((True, _DEGREE_WORDS), (False, _OTHER_WORDS)):
        for first, second in axes:
            for name in names:
                for words in _changed(name.words, first, second):
                    other = by_words.get((words, name.crs))
                    if other is not None and name.name not in seen:
                        seen.add(name.name)
                        yield name, other, degrees


def _changed(words: tuple[str, ...], first: str, second: str) -> Iterator[tuple[str, ...]]:
    """The words of the other axis: ``(x, coord)`` becomes ``(y, coord)``, ``(xcoord,)`` ``(ycoord,)``."""
    for at, word in enumerate(words):
        if word == first:
            yield (*words[:at], second, *words[at + 1 :])
        elif word.startswith(first) and (len(first) > 1 or word in ("xcoord", "xutm", "xcoordinate")):
            yield (*words[:at], second + word[len(first) :], *words[at + 1 :])
        elif word.endswith(first) and (len(first) > 1 or word in ("coordx", "utmx", "pointx")):
            yield (*words[:at], word[: -len(first)] + second, *words[at + 1 :])


def _readings(table: Table, pair: tuple[Named, Named, bool], area: Polygons | None) -> Iterator[Places]:
    """Ways to read one pair of columns."""
    (first, second, called_degrees) = pair
    nothing = np.full(len(table.frame), np.nan)
    why = not_decimal(table, first.name, second.name)
    if why:
        yield Places(nothing, nothing, why=why)
        return
    x, y = table.numbers(first.name), table.numbers(second.name)
    if x is None or y is None:
        name = first.name if x is None else second.name
        cells = table.no_number(name) or "nothing"
        yield Places(
            nothing,
            nothing,
            why=f"'{name}' is called like a coordinate, but holds {cells}. Write plain numbers.",
        )
        return
    names: dict = {"x": first.name, "y": second.name}
    names["written"] = (x, y)
    columns = f"'{first.name}' and '{second.name}'"
    if first.crs:
        try:
            crs = known_crs(first.crs)
        except pyproj.exceptions.CRSError:
            return
        yield Places(*_degrees(x, y, crs), crs=first.crs, why=f"{columns} say {crs.name}.", **names)
    elif _are_degrees(x, y) or _are_degrees(y, x):
        asis, turned = _inside(x, y, area), _inside(y, x, area)
        if not _are_degrees(x, y) or (asis < _MOST <= turned):
            why = (
                f"x and y are exchanged: column '{first.name}' holds latitudes, '{second.name}' longitudes. "
                "Taken for degrees of WGS 84."
            )
            yield Places(y, x, _DEGREES, second.name, first.name, why, is_assumed=True, written=(y, x))
        elif called_degrees:
            why = f"{columns} are degrees; the table names no datum, WGS 84 is the usual one."
            yield Places(x, y, _DEGREES, why=why, **names)
        else:
            why = f"the numbers in {columns} are degrees, taken for WGS 84."
            yield Places(x, y, _DEGREES, why=why, is_assumed=True, **names)
    elif (own := _area_code(area)) and _inside(*_degrees(x, y, own[1]), area) >= _MOST:
        why = f"{columns} lie in the area when read as {own[1].name}, the CRS of the polygons."
        yield Places(*_degrees(x, y, own[1]), own[0], why=why, is_assumed=True, **names)
    else:
        why = f"{columns} are no degrees, and the name says no CRS. {_suggested(x, y, area)}"
        if called_degrees:
            why += " Degrees, minutes and seconds in one number (1183045) must become decimal degrees."
        yield Places(nothing, nothing, why=why, **names)


def _are_degrees(lon: np.ndarray, lat: np.ndarray) -> bool:
    """Whether nearly all rows are; single ones may be exchanged."""
    return bool(((np.abs(lon) <= 180) & (np.abs(lat) <= 90))[np.isfinite(lon)].mean() > _MOST)


def _area_code(area: Polygons | None) -> tuple[str, pyproj.CRS] | None:
    """Code and CRS of polygons in metres."""
    if area is None or area.crs.is_geographic or area.crs.to_epsg() is None:
        return None
    return f"EPSG:{area.crs.to_epsg()}", area.crs


def _suggested(x: np.ndarray, y: np.ndarray, area: Polygons | None) -> str:
    """The UTM zones of the area by which most points would lie in it."""
    example = 'Write it, for example "EPSG:32650" (UTM zone 50 north).'
    if area is None:
        return example
    west, south, east, _ = area.bounds
    fitting = []
    for zone in range(int((west + 180) // 6) + 1, int((east + 180) // 6) + 2):
        code = f"EPSG:{32600 + zone if south >= 0 else 32700 + zone}"
        if _inside(*_degrees(x, y, pyproj.CRS(code)), area) >= _MOST:
            fitting.append(f'"{code}"')
    if not fitting:
        return example
    mend = f"By {' or '.join(fitting)} (UTM) most samples lie in the area; other systems of the country may fit, too"
    return f"{mend} (Gauss-Krueger zones differ from UTM by up to a kilometre): ask who measured."


def _degrees(x: np.ndarray, y: np.ndarray, crs: pyproj.CRS) -> tuple[np.ndarray, np.ndarray]:
    change = pyproj.Transformer.from_crs(crs, _DEGREES, always_xy=True)
    lon, lat = change.transform(x, y)
    good = np.isfinite(lon) & np.isfinite(lat)
    return np.where(good, lon, np.nan), np.where(good, lat, np.nan)


def _inside(lon: np.ndarray, lat: np.ndarray, area: Polygons | None) -> float:
    """Share of points in the box of the area; 0 without an area."""
    return float(_in_box(lon, lat, area).mean()) if area is not None else 0.0


def _in_box(lon: np.ndarray, lat: np.ndarray, area: Polygons) -> np.ndarray:
    west, south, east, north = area.bounds
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _share(places: Places, area: Polygons | None) -> float:
    return _inside(places.lon, places.lat, area)


def _with_other(best: Places, others: list[Places]) -> Places:
    """Say whether the columns that were not taken tell the same."""
    if not others or not best.crs:
        return best
    other = others[0]
    _, _, apart = pyproj.Geod(ellps="WGS84").inv(
        *map(np.nan_to_num, (best.lon, best.lat, other.lon, other.lat))
    )
    largest = float(np.max(apart))
    text = f"'{other.x}' and '{other.y}' ({other.crs}) are left out: "
    text += (
        f"they say the same to {max(largest, 1):.0f} m."
        if largest < _SAME
        else f"they lie up to {largest / 1000:.3g} km elsewhere."
    )
    return replace(best, why=f"{best.why} {text}")


def _with_rows(places: Places, table: Table, area: Polygons | None) -> Places:
    """Note single rows whose coordinates are exchanged."""
    if area is None or places.crs != _DEGREES:
        return places
    outside = ~_in_box(places.lon, places.lat, area)
    turned = outside & _in_box(places.lat, places.lon, area)
    return replace(places, exchanged=tuple(int(row) for row in table.frame.index[turned]))
