"""One table of a site: rows by month, columns in the units of the program, everything refused by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map.catalog_entry import TableDialect
from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.pipeline.site_file import Site
from poml_map.pipeline.site_settings import month_number, month_text
from poml_map.tables import listed, numbers, read_table, refuse_repeats, whole_years
from poml_map.units import conversion


@dataclass(frozen=True)
class Series:
    """Values of consecutive months.

    Attributes
    ----------
    first : int
        Month number of the first row.
    values : dict of str -> ndarray, shape (months,)
    """

    first: int
    values: dict[str, np.ndarray]

    @property
    def last(self) -> int:
        """Month number of the last row."""
        return self.first + len(next(iter(self.values.values()))) - 1

    @property
    def text(self) -> str:
        """The months in words."""
        return f"{month_text(self.first)} to {month_text(self.last)}"

    def holds(self, months: np.ndarray) -> np.ndarray:
        """Which of these months lie within the table."""
        return (months >= self.first) & (months <= self.last)

    def at(self, months: np.ndarray) -> dict[str, np.ndarray]:
        """Values of months within the table."""
        return {name: values[months - self.first] for name, values in self.values.items()}


class Columns:
    """The rows of one table that a site file chooses; collects what is wrong with their cells.

    Parameters
    ----------
    site : Site
    loc : tuple
        Key path of the section that names the table.
    file : str
    dialect : TableDialect
    needed : iterable of str
        Columns that must be there.
    where : dict of str -> list of str
        Column -> values of the rows that are used.

    Raises
    ------
    InputError
        If the table cannot be read, lacks a column, or holds no such row.
    """

    def __init__(
        self, site: Site, loc: tuple, file: str, dialect: TableDialect, needed: Iterable[str], where=None
    ):
        where = where or {}
        self.file, self.dialect, self.problems = file, dialect, Problems()
        frame = read_table(site.folder / file, file, dialect, list(dict.fromkeys([*needed, *where])))
        for column, wanted in where.items():
            self._check_choice(site, (*loc, "where", column), frame[column].unique(), wanted)
        self.problems.raise_if_any()
        chosen = np.logical_and.reduce([frame[column].isin(wanted) for column, wanted in where.items()])
        self.frame = frame[chosen] if where else frame
        if self.frame.empty:
            raise InputError(site.problem((*loc, "where"), "no row that fits all of it", f"rows of {file}"))

    def _check_choice(self, site: Site, loc: tuple, held, wanted: list[str]) -> None:
        for value in wanted:
            if value not in held:
                mend = nearest(value, held) or f"It holds {listed(held)}."
                expected = f"a value of that column of {self.file}"
                self.problems.extend([site.problem(loc, repr(value), expected, mend)])

    def month_numbers(self, year: str, month: str) -> np.ndarray:
        """Month number of each row, from a column with years and one with months."""
        years = whole_years(self.frame, year, self.file, self.dialect, self.problems)
        values = numbers(self.frame, month, self.file, self.dialect, Problems())
        good = np.isfinite(values) & (values == np.round(values)) & (values >= 1) & (values <= 12)
        if not good.all():
            cells = self.frame[month][~good].items()
            found = listed(f"{cell!r} in line {line}" for line, cell in cells)
            self.problems.add(self.file, f"column '{month}'", found, "a month from 1 to 12 in every row")
        return month_number(years, np.where(good, values, 1).astype(int))

    def quantity(
        self, column: str, unit: str, target: str, limits: tuple[float, float], key: str, gaps: bool = False
    ) -> np.ndarray:
        """One column in the unit `target`, NaN where a problem was noted.

        Parameters
        ----------
        column, unit, target : str
        limits : (float, float)
            Lowest and highest value that can be. [target]
        key : str
            Key of the site file that states the unit.
        gaps : bool
            Cells without a value are allowed, and NaN.
        """
        written = numbers(self.frame, column, self.file, self.dialect, bad := Problems())
        self.problems.extend(bad)
        empty = np.isnan(written)
        if empty.any() and not gaps and not len(bad):
            found = f"no value in lines {listed(self.frame.index[empty])}"
            mend = "Fill the gaps before; none are filled here."
            self.problems.add(self.file, f"column '{column}'", found, "a number in every row", mend)
        factor, offset = conversion(unit, target)
        values = written * factor + offset
        outside = (values < limits[0]) | (values > limits[1])
        if outside.any():
            first = int(np.argmax(outside))
            found = f"{outside.sum()} of {len(values)} values such as {written[first]:g} "
            found += (
                f"(line {self.frame.index[first]}), which is {values[first]:.6g} {target} by unit {unit!r}"
            )
            expected, mend = f"{limits[0]:g} to {limits[1]:g} {target}", f"Check the values and `{key}`."
            self.problems.add(self.file, f"column '{column}'", found, expected, mend)
        return np.where(outside, np.nan, values)

    def series(self, months: np.ndarray, values: dict[str, np.ndarray]) -> Series:
        """The rows in order of their months.

        Raises
        ------
        InputError
            With all that was noted before, or if a month is there twice or missing between two others.
        """
        self.problems.raise_if_any()
        self.refuse_repeats({"month": [month_text(month) for month in months]})
        held = set(months.tolist())
        missing = [month for month in range(min(held), max(held)) if month not in held]
        if missing:
            found = f"no row for {listed(month_text(month) for month in missing)}"
            expected = "every month between the first and the last"
            raise InputError(Problem(self.file, "months", found, expected, "Add the rows."))
        order = np.argsort(months)
        return Series(min(held), {name: column[order] for name, column in values.items()})

    def refuse_repeats(self, keys: dict[str, Iterable]) -> None:
        """Raise `InputError` if two rows are equal in all of `keys` (name -> one value a row)."""
        refuse_repeats(pd.DataFrame(keys, index=self.frame.index), list(keys), self.file)
