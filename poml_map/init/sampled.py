"""Which columns are the site, the year and what was measured."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map.init.keys import Key, quoted
from poml_map.init.names import Named, named
from poml_map.init.notes import Notes
from poml_map.init.places import Places
from poml_map.init.table import Table
from poml_map.tables import key_text, listed
from poml_map.yamlmodel import MISSING

_FIRST_YEAR, _LAST_YEAR = 1850, 2100
_DATE = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_SAME_DEGREE = 1e-5  # about 1 m


@dataclass(frozen=True)
class When:
    """The year of each sample.

    Attributes
    ----------
    years : ndarray of int, shape (n,)
        0 where unknown.
    key : Key
        Of ``samples``, or of ``samples.columns`` if `is_column`.
    is_column : bool
    """

    years: np.ndarray
    key: Key
    is_column: bool

    @property
    def campaigns(self) -> list[int]:
        """The years with samples."""
        return sorted({int(year) for year in self.years if year})


def candidates(table: Table, meaning: str) -> list[Named]:
    """Columns that are called like `meaning`, the likeliest first."""
    found = [named(column) for column in table.columns]
    return sorted((each for each in found if each.meaning == meaning), key=lambda each: each.rank)


def find_when(table: Table, notes: Notes) -> When:
    """The column of the year, or the one year that a column of dates holds."""
    for each in candidates(table, "year"):
        values = table.numbers(each.name)
        if values is None:
            continue
        known = np.isfinite(values)
        whole = known & (values == np.round(values)) & (values >= _FIRST_YEAR) & (values <= _LAST_YEAR)
        if whole.sum() >= 0.5 * len(values):
            years = np.where(whole, values, 0).astype(int)
            why = f"The year of sampling: {_span(years)}."
            if not whole.all():
                lines = listed(table.frame.index[~whole])
                why += f" {table.frame.index.name.capitalize()}s {lines} have none: complete or remove them."
                notes.lacks(
                    "samples, the year", f"{table.frame.index.name}s {lines} have none in '{each.name}'."
                )
            return When(years, Key("year", quoted(each.name), why), True)
    return _of_dates(table, notes)


def _of_dates(table: Table, notes: Notes) -> When:
    nothing = np.zeros(len(table.frame), int)
    why = "no column is called year or date. Write the one year of all samples, or name a column below `columns:`."
    for each in candidates(table, "date"):
        texts = [_DATE.search(str(cell)) for cell in table.frame[each.name]]
        years = np.array([int(text[1]) if text else 0 for text in texts])
        if not years.all():
            cell = table.frame[each.name].iloc[int(np.argmin(years))]
            why = f"'{each.name}' has a row without a year of four digits ({cell!r}). Add a column with the year alone."
            continue
        if len(set(years)) == 1:
            why = f"The year of all samples: every date in '{each.name}' is of it."
            return When(years, Key("year", str(years[0]), why), False)
        why = (
            f"'{each.name}' holds dates ({_span(years)}), and a run reads years: add a column with the year alone to "
            "the table and name it here."
        )
        notes.lacks("samples.columns.year", why)
        return When(years, Key("year", MISSING, f"The year of sampling. {why}"), True)
    wide = [
        each.name for meaning in ("stock", "soc", "som") for each in candidates(table, meaning) if each.year
    ]
    if len(wide) > 1:
        why = f"it stands in the names {listed(map(repr, wide))}: make one row for each site and year."
    notes.lacks("samples.year", why)
    return When(nothing, Key("year", MISSING, f"The year of sampling: {why}"), False)


def _span(years: np.ndarray) -> str:
    known = sorted({int(year) for year in years if year})
    return listed(known, 8) if len(known) <= 8 else f"{len(known)} years, {known[0]} to {known[-1]}"


def find_site(table: Table, places: Places, when: When, notes: Notes) -> tuple[Key, np.ndarray]:
    """The column of ids, and the number of each row's site.

    An id must stand for one position; the best ones also have another id at every position. A running number of the
    rows is no site where places were visited twice.
    """
    spots = spots_of(places)
    called = [each.name for each in candidates(table, "site")]
    rest = [name for name in table.columns if name not in called and named(name).meaning == ""]
    good: list[tuple[bool, int, str]] = []
    for rank, name in enumerate([*called, *rest]):
        ids = [key_text(cell) for cell in table.frame[name]]
        if "" in ids or (name in rest and _is_measured(table, name)):
            continue
        if spots is None:
            good += [(len(set(ids)) == len(ids), rank, name)] if name in called else []
        elif _all_equal(ids, spots):
            one_id = _all_equal(spots, ids)
            # Words that repeat, such as a land use, are one position each only in a tiny table.
            good += [(not one_id, rank, name)] if name in called or one_id else []
    if good:
        name = min(good)[-1]
        ids = np.array([key_text(cell) for cell in table.frame[name]])
        number = len(set(ids))
        why = f"The id of the place: {number} in {len(ids)} rows" + (
            ", each at one position." if places.written else "."
        )
        if min(good)[0] and places.written:
            many = int((pd.Series(ids).groupby(spots).nunique() > 1).sum())
            lack = f"{many} positions have several ids in '{name}': give all samples of a place one id, in all years."
            why += f" {lack}"
            notes.lacks("samples, the ids", lack)
        return Key("site", quoted(name), why), pd.factorize(ids)[0] if spots is None else spots
    tried = f" ({listed(map(repr, called))} {'has' if len(called) == 1 else 'have'} several positions or empty cells)"
    why = (
        f"no column has one id for each position{tried if called else ''}. Add a column of ids to the table."
    )
    notes.lacks("samples.columns.site", why)
    return Key("site", MISSING, f"The id of the place, the same in every year: {why}"), (
        np.arange(len(table.frame)) if spots is None else spots
    )


def spots_of(places: Places) -> np.ndarray | None:
    """A number for each position; None where no columns of coordinates were found."""
    if places.written is None:
        return None
    near = np.round(np.column_stack(places.written) / (_SAME_DEGREE if places.crs == "EPSG:4326" else 1.0))
    return pd.factorize(pd.MultiIndex.from_arrays([near[:, 0], near[:, 1]]))[0]


def _all_equal(groups, values) -> bool:
    """Whether each group has one value."""
    return bool((pd.Series(list(values)).groupby(list(groups)).nunique() == 1).all())


def _is_measured(table: Table, name: str) -> bool:
    """Whether a column holds numbers with decimals: a position or a measurement, no id."""
    values = table.numbers(name)
    return values is not None and bool((values != np.round(values))[np.isfinite(values)].any())


def dialect_key(table: Table, columns: list[str]) -> list[Key]:
    """``table:`` where it is not the default."""
    parts = []
    if table.dialect.separator != ",":
        sign = r"\t" if table.dialect.separator == "\t" else table.dialect.separator
        parts.append(f'separator: "{sign}"')
    if table.dialect.decimal != ".":
        parts.append(f'decimal: "{table.dialect.decimal}"')
    absent = table.absent(columns)
    if absent:
        texts = ", ".join(f'"{text}"' for text in ["", "NA", *absent])
        parts.append(f"missing: [{texts}]")
    why = "How the text table is written; `missing` lists what means no value."
    return [Key("table", f"{{{', '.join(parts)}}}", why)] if parts else []
