"""On which pixels and in which years: a grid that suits the size of the area, years that samples and sources allow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyproj

from poml_map.grid import Grid
from poml_map.init.keys import Key, quoted
from poml_map.init.notes import Notes
from poml_map.yamlmodel import MISSING

# Metres; the finest is that of the terrain (90 m), below which no source of the default list tells anything.
_STEPS = (100, 250, 500, 1000, 2000, 5000, 10000)
_USUAL = 250
_MOST_PIXELS, _FEWEST_PIXELS = 4_000_000, 5_000
# One UTM zone. [degree]
_ZONE = 6.0
# Samples need some land around them. [share of the width; degree]
_MARGIN, _LEAST_MARGIN = 0.05, 0.02
_SPINUP = 20

Bounds = tuple[float, float, float, float]


def box_around(lon: np.ndarray, lat: np.ndarray) -> Bounds:
    """West, south, east and north around points, with a margin, in hundredths of a degree.

    Examples
    --------
    >>> box_around(np.array([118.5, 119.5, np.nan]), np.array([30.0, 31.0, np.nan]))
    (118.45, 29.95, 119.55, 31.05)
    """
    sides = []
    for values in (lon, lat):
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        margin = max((high - low) * _MARGIN, _LEAST_MARGIN)
        sides.append(
            (math.floor((low - margin) * 100 + 1e-6) / 100, math.ceil((high + margin) * 100 - 1e-6) / 100)
        )
    (west, east), (south, north) = sides
    return west, south, east, north


def grid_keys(bounds: Bounds, notes: Notes) -> tuple[list[Key], str]:
    """Keys of ``grid``, and what it makes in words.

    Parameters
    ----------
    bounds : tuple of 4 float
        West, south, east, north. [degree]
    notes : Notes
    """
    crs, why = _crs(bounds)
    change = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    metres = change.transform_bounds(*bounds, densify_pts=101)
    resolution = _resolution(metres)
    grid = Grid.from_bounds(metres, resolution, crs)
    size = f"{grid.width} x {grid.height} pixels of {resolution:g} m over the box of the area"
    finer = "No source of this list tells anything finer." if resolution == _STEPS[0] else (
        "Half of it makes four times the pixels, and the run four times as long."
    )  # fmt: skip
    return [
        Key("crs", quoted(crs), f"{why} Any projected CRS in metres will do."),
        Key("resolution", f"{resolution:g}", f"Metres: {size}. {finer}"),
    ], size


def _crs(bounds: Bounds) -> tuple[str, str]:
    west, south, east, north = bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    if abs(lat) < 84 and max(abs(south), abs(north)) <= 84 and east - west <= _ZONE:
        zone = int((lon + 180) // 6) % 60 + 1
        half = "north" if lat >= 0 else "south"
        return (
            f"EPSG:{(32600 if lat >= 0 else 32700) + zone}",
            f"UTM zone {zone} {half}, of the middle of the area.",
        )
    if abs(lat) >= 60 or south < 0 < north:
        text = f"+proj=laea +lat_0={lat:.1f} +lon_0={lon:.1f} +datum=WGS84 +units=m"
        return text, "Lambert's equal area around the middle: the area is wider than a UTM zone."
    first, second = south + (north - south) / 6, north - (north - south) / 6
    text = f"+proj=aea +lat_1={first:.1f} +lat_2={second:.1f} +lat_0={lat:.1f} +lon_0={lon:.1f} +datum=WGS84 +units=m"
    return text, "Albers' equal area: the area is wider than a UTM zone."


def _resolution(metres: Bounds) -> int:
    """The usual one, coarser for large areas, finer for small ones."""
    size = (metres[2] - metres[0]) * (metres[3] - metres[1])
    fitting = [step for step in _STEPS if size / step**2 <= _MOST_PIXELS]
    usual = _USUAL if size / _USUAL**2 >= _FEWEST_PIXELS else _STEPS[0]
    return max(usual, fitting[0]) if fitting else _STEPS[-1]


@dataclass(frozen=True)
class Reach:
    """Years that the default sources hold.

    Attributes
    ----------
    climate, ndvi : tuple of 2 int
    ndvi_entry : str
        Name in the catalog.
    """

    climate: tuple[int, int]
    ndvi: tuple[int, int]
    ndvi_entry: str


def year_keys(
    campaigns: list[int], asked: tuple[int, int] | None, reach: Reach, notes: Notes
) -> tuple[list[Key], tuple[int, int] | None]:
    """Keys of the years, and the years themselves if they are known.

    Parameters
    ----------
    campaigns : list of int
    asked : tuple of 2 int, optional
        As the user gave them.
    reach : Reach
    notes : Notes
    """
    first_climate, last_climate = reach.climate
    why = (
        f"Climate is there for {first_climate}-{last_climate}, of which the spin-up takes years before; NDVI for "
        f"{reach.ndvi[0]}-{reach.ndvi[1]}, and other years need `fill:`."
    )
    years, found = asked, "As asked for."
    if asked is None:
        years = (campaigns[0], campaigns[-1]) if len(campaigns) > 1 else None
        found = "From the first to the last campaign." if years else ""
    if years is None:
        first = campaigns[0] if campaigns else 1990
        lack = f"all samples are of {first}" if campaigns else "the samples have no year"
        example = f"{first}-{max(first, min(first + 20, last_climate))}"
        found = f"{lack}. Write FIRST-LAST, beginning with the year of the samples, such as {example}"
        found += "" if campaigns else f" for samples of {first}"
    elif not (first_climate < years[0] and years[1] <= last_climate):
        found = f"{years[0]}-{years[1]} is more than the climate of the default sources ({first_climate}-"
        found += (
            f"{last_climate}, less at least one year of spin-up): write fewer years, or bring another climate"
        )
        years = None
    if years is None:
        notes.lacks("years and spinup_years", f"{found}, and 20 years before them for the spin-up.")
        return [
            Key("years", MISSING, f"The mapped years; {found}. {why}"),
            Key("spinup_years", MISSING, "The years before, whose mean climate spins RothC up."),
        ], None
    spinup = f"{max(first_climate, years[0] - _SPINUP)}-{years[0] - 1}"
    keys = [
        Key("years", f"{years[0]}-{years[1]}", f"The mapped years, both included. {found} {why}"),
        Key(
            "spinup_years",
            spinup,
            "Their mean climate spins RothC up: 20 years before the first, or what there is.",
        ),
    ]
    return [*keys, *_fill(years, reach, notes)], years


def _fill(years: tuple[int, int], reach: Reach, notes: Notes) -> list[Key]:
    first, last = reach.ndvi
    name, lacking = (
        reach.ndvi_entry,
        [year for year in range(years[0], years[1] + 1) if not first <= year <= last],
    )
    if not lacking:
        return []
    why = (
        f"NDVI ({name}) is there for {first}-{last} only. `climatology` gives {len(lacking)} "
        f"year{'s'[: len(lacking) > 1]} ({_years(lacking)}) the mean months of its first five years: no year of these "
        "has its own vegetation then, and report and maps say so. Write climatology to accept that, or choose other "
        "years."
    )
    notes.lacks(f"fill.{name}", why)
    return [Key("fill", f"{{{name}: {MISSING}}}", why)]


def _years(years: list[int]) -> str:
    return f"{years[0]}" if len(years) == 1 else f"{years[0]} to {years[-1]}"
