"""The physical range check: what is wrong with a unit, a scale or a nodata value shows in the numbers."""

from __future__ import annotations

import numpy as np

from poml_map.catalog import Entry, Source
from poml_map.cube.frames import Frame, frame_name
from poml_map.errors import InputError
from poml_map.grid import Tile
from poml_map.units import conversion

# Numbers that people and programs write for "no data".
_NODATA = (-9999, -999, -99, -32768, -32767, -999.9, -99999, 255, 32767, 65535, 9999)
# Units that values of a cube unit are often in without saying so.
_OFTEN = {
    "degC": ("K",),
    "%": ("g/kg", "1"),
    "1": ("%",),
    "g/cm3": ("kg/m3", "cg/cm3"),
    "kg/m2": ("t/ha",),
    "kg/m2/year": ("t/ha/year", "g/m2/year"),
    "mm/month": ("m/month", "0.1 mm/month"),
    "kg/ha": ("t/ha", "g/ha"),
}
# Scales of products that are stored as whole numbers.
_SCALES = {"ndvi": (0.01, 0.0001), "npp": (0.0001,)}


def check_range(
    source: Source, reader, frames: list[Frame], window: Tile, values: np.ndarray, convert
) -> None:
    """Refuse infinite and physically impossible values.

    Parameters
    ----------
    source : Source
    reader : Reader
    frames : list of Frame, t of them
    window : Tile
    values : ndarray, shape (t, rows, columns)
        In the cube's unit; NaN is missing and fine.
    convert : Conversion
        For the number as it is stored, which the mend names.

    Raises
    ------
    InputError
        Naming the file, the band, how many values, one pixel with its value and unit, and the mend.
    """
    low, high = source.entry.physical_range
    bad = (values < low) | (values > high)  # NaN is neither
    if not bad.any():
        return
    value, entry = _first(values, bad), source.entry
    given = (value - convert.offset) / convert.factor if convert.factor else value
    scale, offset = reader.packing
    stored = (given - offset) / scale if scale else given
    expected = f"{low:g} to {_with_unit(high, entry)}"
    what = f"outside the range of {entry.cube_column}"
    _refuse(source, reader, frames, window, values, bad, what, expected, mend(entry, value, given, stored))


def check_whole(source: Source, reader, frames: list[Frame], window: Tile, values: np.ndarray) -> None:
    """Refuse classes that are no whole numbers: means of classes, which stand for nothing.

    Parameters
    ----------
    source, reader, frames, window, values
        As `check_range` takes them.

    Raises
    ------
    InputError
        As `check_range`.
    """
    bad = values != np.round(values)
    bad &= ~np.isnan(values)
    if bad.any():
        mend = "Bring the map as it was classified: resampled by a mean it holds classes that never were."
        _refuse(source, reader, frames, window, values, bad, "that are no classes", "whole numbers", mend)


def _first(values: np.ndarray, bad: np.ndarray) -> float:
    return float(values.flat[np.argmax(bad)])


def _refuse(source: Source, reader, frames, window: Tile, values, bad, what: str, expected: str, mend: str):
    """Raise for the values that `bad` marks, naming the first."""
    index, row, col = (int(part[0]) for part in np.nonzero(bad))
    file, band = reader.place(frames[index])
    name = frame_name(frames[index])
    where = f"{band}{' (' + name + ')' if name else ''}"
    number, frames_bad = int(bad.sum()), int(bad.any(axis=(1, 2)).sum())
    found = f"{number} value{'s'[: number > 1]} {what}"
    found += f" in {frames_bad} maps" if frames_bad > 1 else ""
    found += f", such as {_with_unit(_first(values, bad), source.entry)}"
    found += f" at row {window.row0 + row}, column {window.col0 + col}"
    raise InputError(source.problem(found, expected, mend, where, file))


def _with_unit(number: float, entry: Entry) -> str:
    return f"{number:g}" if entry.cube_unit == "1" else f"{number:g} {entry.cube_unit}"


def mend(entry: Entry, value: float, given: float, stored: float) -> str:
    """What most likely is wrong with an impossible value.

    Parameters
    ----------
    entry : Entry
    value : float
        In the cube's unit.
    given : float
        In the unit that the entry declares.
    stored : float
        As it stands in the file, before scale and offset.

    Examples
    --------
    >>> mend(Entry(driver="raster", role="clay", unit="%"), -9999.0, -9999.0, -9999.0)
    'Declare `nodata: -9999` if that means no data.'
    >>> mend(Entry(driver="raster", role="air_temperature", unit="degC"), 290.0, 290.0, 290.0)
    'Declare `unit: K` if that is the unit of the file.'
    """
    if not np.isfinite(value):
        return "Replace infinite values by a nodata value and declare it."
    code = next((each for each in _NODATA if np.isclose(stored, each, rtol=1e-5)), None)
    if code is not None or abs(stored) > 1e19:
        text = f"{code:g}" if code is not None else f"{stored!r}"
        return f"Declare `nodata: {text}` if that means no data."
    # NDVI is never in percent without a scale; production in g/m2 is as usual as one that is stored scaled.
    by_scale, by_unit = _scale_mend(entry, value), _unit_mend(entry, given)
    likely = by_scale or by_unit if entry.role == "ndvi" else by_unit or by_scale
    general = (
        "Check `unit:`, `scale:` and `nodata:` of the entry, or widen `valid_range:` if the value is real."
    )
    return likely or general


def _scale_mend(entry: Entry, value: float) -> str:
    low, high = entry.physical_range
    for scale in _SCALES.get(entry.role, ()) if entry.scale is None else ():
        if low <= value * scale <= high:
            return f"Declare `scale: {scale}` if the numbers are stored so."
    return ""


def _unit_mend(entry: Entry, given: float) -> str:
    unit = likely_unit(entry, given, *entry.physical_range)
    return f"Declare `unit: {unit}` if that is the unit of the file." if unit else ""


def likely_unit(entry: Entry, given: float, low: float, high: float) -> str:
    """A unit, other than the declared one, by which a number lies in a range of the cube; empty if none does.

    Examples
    --------
    >>> likely_unit(Entry(driver="raster", role="precipitation", unit="mm/month"), 0.2, 2, 5000)
    'm/month'
    >>> likely_unit(Entry(driver="raster", role="clay", unit="%"), 0.4, 1, 100)
    '"1"'
    """
    for unit in _OFTEN.get(entry.cube_unit, ()):
        factor, offset = conversion(unit, entry.cube_unit)
        if unit != entry.unit and low <= given * factor + offset <= high:
            return f'"{unit}"' if unit in ("%", "1") else unit  # YAML reads no bare %, and 1 as a number
    return ""
