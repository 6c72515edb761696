"""Observed stocks of one site: the mean of the plots in every month that was sampled, and their spread."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.errors import InputError
from poml_map.pipeline.site_columns import Columns
from poml_map.pipeline.site_file import Site
from poml_map.pipeline.site_settings import month_number, month_text
from poml_map.tables import listed, whole_years
from poml_map.units import STOCK_UNIT

# 0 is no measurement. [kg/m2]
_LOWEST = 1e-9


def read_observations(site: Site, dropped: dict[str, int]) -> pd.DataFrame | None:
    """The observations that a site file names.

    Parameters
    ----------
    site : Site
    dropped : dict of str -> int
        Gets the number of rows without a value.

    Returns
    -------
    pandas.DataFrame or None
        One row a sampled month: ``month`` (month number), ``n`` (plots), ``mean``, ``sd`` (NaN of one plot),
        ``low``, ``high``. [kg/m2]

    Raises
    ------
    InputError
        With every problem of the table.
    """
    observed = site.settings.observations
    if observed is None:
        return None
    columns = observed.columns
    when = columns.date or columns.year
    needed = [when, columns.value, *columns.average]
    rows = Columns(site, ("observations",), observed.file, observed.table, needed, observed.where)
    months = _dates(rows, when) if columns.date else month_number(_years(rows, when), observed.month)
    limits = _LOWEST, schema.COLUMNS["STOCK"].high
    stocks = rows.quantity(columns.value, observed.unit, STOCK_UNIT, limits, "observations.unit", gaps=True)
    rows.problems.raise_if_any()
    _refuse_repeats(site, rows, months)
    measured = np.isfinite(stocks)
    if not measured.all():
        dropped["observations without a value"] = int((~measured).sum())
    by_month = pd.Series(stocks[measured]).groupby(pd.Series(months[measured], name="month"))
    return by_month.agg(n="size", mean="mean", sd="std", low="min", high="max").reset_index()


def _years(rows: Columns, column: str) -> np.ndarray:
    return whole_years(rows.frame, column, rows.file, rows.dialect, rows.problems)


def _dates(rows: Columns, column: str) -> np.ndarray:
    """Month numbers of dates such as 1963-07-19 or 1963-07."""
    found, bad = np.zeros(len(rows.frame), int), {}
    for position, (line, cell) in enumerate(rows.frame[column].items()):
        match = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?", cell)
        if match and 1 <= int(match[2]) <= 12 and 1 <= int(match[3] or 1) <= 31:
            found[position] = month_number(int(match[1]), int(match[2]))
        else:
            bad[line] = cell
    if bad:
        cells = listed(f"{cell!r} in line {line}" for line, cell in bad.items())
        rows.problems.add(rows.file, f"column '{column}'", cells, "dates such as 1963-07-19")
    return found


def _refuse_repeats(site: Site, rows: Columns, months: np.ndarray) -> None:
    """Two rows of a month are plots, and the columns that tell them apart must be named."""
    average = site.settings.observations.columns.average
    plots = {column: rows.frame[column].to_numpy() for column in average}
    try:
        rows.refuse_repeats({"month": [month_text(month) for month in months], **plots})
    except InputError as error:
        if average:
            raise
        found, expected = error.problems[0].found, "one row a month, or the columns that tell plots apart"
        mend = "For example `average: [plot]`."
        loc = ("observations", "columns")
        raise InputError(site.problem(loc, f"{rows.file} with {found}", expected, mend)) from None
