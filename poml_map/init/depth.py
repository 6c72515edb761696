"""Of which depth the samples are: one for all, layers below each other, or not told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map.init.keys import Key
from poml_map.init.names import depth_of
from poml_map.init.notes import Notes
from poml_map.init.sampled import When, candidates
from poml_map.init.table import Table
from poml_map.tables import listed
from poml_map.yamlmodel import MISSING

_MOST_DEPTHS = 6


@dataclass(frozen=True)
class Depth:
    """The depth of the samples.

    Attributes
    ----------
    limits : tuple of 2 int, optional
        Upper and lower limit of all samples; None if no column tells them, or if they differ. [cm]
    column : str
        The columns that tell it, in quotes; empty if none does.
    several : str
        The depths with their rows, if they differ; else empty.
    """

    limits: tuple[int, int] | None = None
    column: str = ""
    several: str = ""


def find_depth(table: Table) -> Depth:
    """What columns tell of the depth: one with both limits or a name of the layer, or one of each limit."""
    for each in candidates(table, "depth"):
        texts = table.frame[each.name].map(lambda cell: "" if pd.isna(cell) else str(cell).strip())
        known = texts[~texts.isin(["", "NA"])]
        if known.nunique() > 1:
            return Depth(column=f"'{each.name}'", several=_counted(known))
        limits = depth_of(known.iloc[0]) if len(known) == len(texts) else None
        if limits:
            return Depth(limits, f"'{each.name}'")
    return _of_limits(table)


def _of_limits(table: Table) -> Depth:
    """Depth by a column of lower limits; the upper ones are 0 without a column."""
    names = [next((each.name for each in candidates(table, key)), None) for key in ("upper", "lower")]
    values = [None if name is None else table.numbers(name) for name in names]
    column = " and ".join(f"'{name}'" for name in names if name is not None)
    uppers, lowers = values
    if lowers is None:
        several = "" if uppers is None or len(set(uppers[np.isfinite(uppers)])) < 2 else "several numbers"
        return Depth(column=column, several=several)
    uppers = np.zeros(len(lowers)) if uppers is None else uppers
    known = np.isfinite(uppers) & np.isfinite(lowers)
    texts = pd.Series([f"{top:g}-{low:g}" for top, low in zip(uppers[known], lowers[known], strict=True)])
    if texts.nunique() > 1:
        return Depth(column=column, several=_counted(texts))
    if not known.all() or not lowers[0] > 0:
        return Depth()
    return Depth((int(uppers[0]), int(lowers[0])), column)


def _counted(texts: pd.Series) -> str:
    counts = texts.value_counts(sort=False)
    return listed([f"{text} ({count} rows)" for text, count in counts.items()], _MOST_DEPTHS)


def repeats(table: Table, sites: np.ndarray, when: When, depth: Depth, notes: Notes) -> list[Key]:
    """A key where a site has several rows in a year: layers of depth, replicates.

    Parameters
    ----------
    table : Table
    sites : ndarray of int, shape (n,)
        Number of each row's site.
    when : When
    depth : Depth
    notes : Notes
        Gets what is missing.
    """
    again = pd.DataFrame({"site": sites, "year": when.years}).duplicated(keep=False).to_numpy()
    if not again.any() or (
        not when.campaigns and not depth.several
    ):  # without years every second visit repeats
        return []
    rows = f"{table.frame.index.name}s {listed(table.frame.index[again], 3)}"
    found = f"{int(again.sum())} rows share site and year with another ({rows})"
    if depth.several:
        why = (
            f"{found}: they are layers of depth ({depth.column}). Bring them to one row for the topsoil of each site "
            "and year, weighted by thickness; then write refuse."
        )
    else:
        why = (
            f"{found}. If they are layers of depth, bring them to one row for the topsoil, weighted by thickness, and "
            "write refuse. If they repeat one depth, write mean to take their mean, or remove rows and write refuse."
        )
    notes.lacks("samples.duplicates", why)
    return [Key("duplicates", MISSING, f"What becomes of several values of a site and year. {why}")]
