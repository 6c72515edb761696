"""Coordinates in degrees and minutes, in one column or in several: not to be taken for decimal degrees."""

from __future__ import annotations

import re

import numpy as np

from poml_map.init.names import named
from poml_map.init.table import Table
from poml_map.tables import listed

_MEND = (
    "write them as decimal degrees: degrees + minutes / 60 + seconds / 3600, negative in the west and south"
)
# "118°30'5.2\"E", "118 30 5", "118:30", "30.5N"
_TEXT = re.compile(r"(?i)[NSEWO]?\s*[-+]?\d{1,3}([°ºd:\s]\s*\d{1,2}.*|[.,]?\d*\s*°?\s*[NSEWO])")
_PARTS = {"min", "mins", "minute", "minutes", "mm", "m", "分", "sec", "second", "seconds", "ss", "s", "秒"}
# Of so many samples some lie between whole degrees.
_MANY = 10


def not_decimal(table: Table, first: str, second: str) -> str:
    """Why two columns that are called like coordinates hold no decimal degrees; empty if they may.

    Parameters
    ----------
    table : Table
    first, second : str
        Names of columns.
    """
    columns = f"'{first}' and '{second}'"
    if _is_part(first):
        return f"{columns} are called minutes, seconds or the least of something, which are no positions."
    values = [table.numbers(name) for name in (first, second)]
    if any(each is None for each in values):
        cells = [str(cell).strip() for name in (first, second) for cell in table.frame[name]]
        found = next((cell for cell in cells if _TEXT.fullmatch(cell)), None)
        return f"{columns} hold degrees as texts, such as {found}: {_MEND}." if found else ""
    known = [each[np.isfinite(each)] for each in values]
    if not all((each == np.round(each)).all() and (np.abs(each) <= 180).all() for each in known):
        return ""
    beside = [name for name in table.columns if name not in (first, second) and _is_part(name)]
    if beside:
        return f"{columns} hold whole degrees, {listed(map(repr, beside))} the rest: {_MEND}."
    if len(table.frame) >= _MANY:
        return f"{columns} hold whole degrees in all {len(table.frame)} rows: {_MEND}."
    return ""


def _is_part(name: str) -> bool:
    words = named(name).words
    return len(words) > 1 and bool(set(words[1:]) & _PARTS)
