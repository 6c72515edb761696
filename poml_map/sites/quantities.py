"""What is measured: its unit, its physical range, and what a value outside tells about the unit."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.config import Region
from poml_map.errors import Problems
from poml_map.sites.source import RawSamples
from poml_map.tables import key_text, listed, numbers, whole_years
from poml_map.units import conversion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quantity:
    """A measured quantity: unit of the program, range, and the units that people use.

    A content, density or stock of exactly 0 has no equilibrium and no meaning as a measurement: `above` says
    that the lower end itself is impossible.
    """

    unit: str
    low: float
    high: float
    above: bool
    usual: tuple[str, ...]

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which values cannot be; NaN can."""
        return (values < self.low) | (values > self.high) | (self.above & (values == self.low))

    @property
    def text(self) -> str:
        """The range in words."""
        return f"{'above ' if self.above else ''}{self.low:g} to {self.written(self.high)}"

    def written(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:g}" if self.unit == "1" else f"{value:g} {self.unit}"


def _of_column(name: str, above: bool, *usual: str) -> Quantity:
    column = schema.COLUMNS[name]
    return Quantity(column.unit, column.low, column.high, above, usual)


#: Key of `samples.columns` -> quantity. Pure organic matter holds about 580 g/kg carbon.
QUANTITIES = {
    "soc": Quantity("g/kg", 0.0, 600.0, True, ("g/kg", "%", "mg/kg")),
    "bulk_density": _of_column("BD", False, "g/cm3", "kg/m3"),
    "coarse_fragments": _of_column("CF", False, "1", "%"),
    "stock": _of_column("STOCK", True, "kg/m2", "t/ha"),
}


def typed_table(region: Region, raw: RawSamples, problems: Problems) -> pd.DataFrame:
    """The columns of `Samples.table` from the raw table; coordinates stay as they are.

    Parameters
    ----------
    region : Region
    raw : RawSamples
        n rows.
    problems : Problems
        Gets missing ids, cells that are no numbers and values that are physically impossible.

    Returns
    -------
    pandas.DataFrame, n rows
        NaN where a measured cell has no value.
    """
    settings = region.settings.samples
    frame, columns, shown = raw.frame, settings.columns, settings.file
    ids = [key_text(value) for value in frame[columns.site]]
    table = pd.DataFrame({"site": ids, "x": raw.x, "y": raw.y}, index=frame.index)
    unnamed = frame.index[table["site"].isin(["", *settings.table.missing])]
    if len(unnamed):
        found = f"no id in {frame.index.name} {listed(unnamed)}"
        problems.add(shown, f"column '{columns.site}'", found, "an id in every row")
    table["year"] = settings.year
    if settings.year is None:
        table["year"] = whole_years(frame, columns.year, shown, settings.table, problems)
    for name, quantity in QUANTITIES.items():
        table[name] = _values(region, name, quantity, frame, table, problems)
    return table


def _values(region: Region, name: str, quantity: Quantity, frame, table: pd.DataFrame, problems: Problems):
    """One column in the program's unit; a problem with the unit that would fit if a value cannot be."""
    settings = region.settings.samples
    column, unit = getattr(settings.columns, name), getattr(settings.units, name)
    if column is None:
        return np.nan
    written = numbers(frame, column, settings.file, settings.table, problems)
    share = settings.soc_factor if name == "soc" else 1.0

    def in_unit(other: str) -> np.ndarray:
        factor, offset = conversion(other, quantity.unit)
        return (written * factor + offset) * share

    values = in_unit(unit)
    bad = np.flatnonzero(quantity.outside(values))
    if len(bad):
        first = bad[0]
        place = f"{frame.index.name} {frame.index[first]}, site {table['site'].iloc[first]}"
        found = f"{len(bad)} of {len(values)} values such as {written[first]:g} ({place}), "
        found += f"which is {quantity.written(values[first])} by unit {unit!r}"
        fitting = [f'"{other}"' for other in quantity.usual if not quantity.outside(in_unit(other)).any()]
        fit = f"All would fit unit {' or '.join(fitting)}: check" if fitting else "Check the values and"
        where, mend = f"column '{column}'", f"{fit} `samples.units.{name}`."
        if not values[bad].any():
            mend = "0 is no measurement: leave the cells empty or remove the rows."
        problems.add(settings.file, where, found, quantity.text, mend)
    elif name == "coarse_fragments" and conversion(unit, "1")[0] != 1 and 0 < np.fmax.reduce(written) <= 1:
        log.warning("%s: no coarse fragments above 1 %s: are they ratios (unit 1)?", settings.file, unit)
    return values
