"""The part of region.yaml below `samples:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poml_map.init.depth import repeats
from poml_map.init.keys import Key, lines_of, quoted
from poml_map.init.notes import Notes
from poml_map.init.sampled import dialect_key
from poml_map.settings import Samples
from poml_map.tables import listed
from poml_map.yamlmodel import MISSING

if TYPE_CHECKING:
    from poml_map.init.region import Found

_MOST_DROPPED = Samples.model_fields["max_dropped"].default


def samples_lines(found: Found, file: str, years: tuple[int, int] | None, notes: Notes) -> list[str]:
    """The lines below ``samples:``.

    Parameters
    ----------
    found : Found
    file : str
        The sample file as seen from the new folder.
    years : tuple of 2 int, optional
        The mapped years, if they are known.
    notes : Notes
        Gets what is missing or assumed.
    """
    table, measured = found.table, found.measured
    crs, axes = found.places.keys(notes)
    date = [found.when.key]
    dropped = _dropped(found, years, notes)
    keys = [
        Key(
            "file",
            quoted(file),
            f"{len(table.frame)} rows. Stays where it is; the path starts in this folder.",
        ),
        *crs,
        *([] if found.when.is_column else date),
        *measured.others,
        *(dialect_key(table, measured.used) if table.points is None else []),
        *repeats(table, found.sites, found.when, found.depth, notes),
        *dropped,
    ]
    columns = [found.site, *axes, *(date if found.when.is_column else []), *measured.columns]
    return [
        *lines_of(keys, 2),
        "  # Which column of the table is what.",
        "  columns:", *lines_of(columns, 4),
        "  # Units as the table has them; converted once.",
        "  units:", *lines_of(measured.units, 4),
    ]  # fmt: skip


def _dropped(found: Found, years: tuple[int, int] | None, notes: Notes) -> list[Key]:
    """A key where more rows than usual cannot be used."""
    reasons = {}
    if found.bounds is not None and found.polygons is not None and found.places.crs:
        west, south, east, north = found.bounds
        lon, lat = found.places.lon, found.places.lat
        reasons["outside the box of the area"] = ~(
            (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        )
    if years and found.when.campaigns:
        known = found.when.years > 0
        reasons[f"outside {years[0]}-{years[1]}"] = known & (
            (found.when.years < years[0]) | (found.when.years > years[1])
        )
    reasons["without a value"] = found.measured.without
    lost = np.logical_or.reduce(list(reasons.values()))
    if lost.mean() <= _MOST_DROPPED:
        return []
    parts = [f"{int(rows.sum())} {reason}" for reason, rows in reasons.items() if rows.any()]
    share = min(np.ceil(lost.mean() * 100) / 100 + 0.01, 1.0)
    why = (
        f"{int(lost.sum())} of {len(lost)} rows cannot be used ({listed(parts)}). Mend them, or accept that and write "
        f"{share:.2f}"
    )
    notes.lacks("samples.max_dropped", f"{why}.")
    return [Key("max_dropped", MISSING, f"The share of rows that may be left out. {why}.")]
