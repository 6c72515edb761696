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
    "%": ("g/kg",),
    "1": ("%",),
    "g/cm3": ("kg/m3", "cg/cm3"),
    "kg/m2": ("t/ha",),
    "mm/month": ("m/month", "0.1 mm/month"),
    "kg/ha": ("t/ha", "g/ha"),
}


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
    least, most = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if not (least < low or most > high):  # nothing but NaN compares False too
        return
    bad = (values < low) | (values > high)
    index, row, col = (int(part[0]) for part in np.nonzero(bad))
    value, entry = float(values[index, row, col]), source.entry
    file, band = reader.place(frames[index])
    name = frame_name(frames[index])
    where = f"{band}{' (' + name + ')' if name else ''}"
    number, frames_bad = int(bad.sum()), int(bad.any(axis=(1, 2)).sum())
    found = f"{number} value{'s'[: number > 1]} outside the range of {entry.cube_column}"
    found += f" in {frames_bad} maps" if frames_bad > 1 else ""
    found += f", such as {_with_unit(value, entry)} at row {window.row0 + row}, column {window.col0 + col}"
    expected = f"{low:g} to {_with_unit(high, entry)}"
    given = (value - convert.offset) / convert.factor if convert.factor else value
    scale, offset = reader.packing
    stored = (given - offset) / scale if scale else given
    raise InputError(source.problem(found, expected, mend(entry, value, given, stored), where, file))


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
    low, high = entry.physical_range
    if entry.role == "ndvi" and entry.scale is None:
        for scale in (0.01, 0.0001):
            if low <= value * scale <= high:
                return f"Declare `scale: {scale}` if the numbers are stored so."
    for unit in _OFTEN.get(entry.cube_unit, ()):
        factor, offset = conversion(unit, entry.cube_unit)
        if unit != entry.unit and low <= given * factor + offset <= high:
            quoted = f'"{unit}"' if unit == "%" else unit  # YAML reads no bare %
            return f"Declare `unit: {quoted}` if that is the unit of the file."
    return "Check `unit:`, `scale:` and `nodata:` of the entry, or widen `valid_range:` if the value is real."
