"""The sample file as it lies: a text table whose dialect shows in its first lines, or a layer of points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj

from poml_map.catalog import TableDialect
from poml_map.errors import InputError, Problem, Problems
from poml_map.limits import MOST_TABLE
from poml_map.sites.source import TEXT, point_coordinates, read_layer
from poml_map.tables import USUAL_MISSING, numbers, read_table
from poml_map.yamlfile import read_text_file

_SEPARATORS = ",;\t|"
_COMMA = re.compile(r"[-+]?\d+,\d+")
_DEFAULT_MISSING = TableDialect().missing
# Numbers that stand for "no value" where nothing measured is below 0.
_CODES = (-9999.0, -999.0, -99.0, -9.0, -1.0)


@dataclass
class Table:
    """The samples, not yet understood.

    Attributes
    ----------
    path : Path
    shown : str
        As the user wrote it.
    frame : pandas.DataFrame
        Texts of a table; values of a layer. Without the shapes.
    dialect : TableDialect
    points : tuple of (ndarray, ndarray), optional
        x and y of a layer.
    crs : pyproj.CRS, optional
        Of a layer that states one.
    """

    path: Path
    shown: str
    frame: pd.DataFrame
    dialect: TableDialect
    points: tuple[np.ndarray, np.ndarray] | None = None
    crs: pyproj.CRS | None = None

    @property
    def columns(self) -> list[str]:
        """Names of all columns."""
        return [str(name) for name in self.frame.columns]

    def numbers(self, column: str) -> np.ndarray | None:
        """A column as floats, NaN where the cell has no value in any usual way; None if it is no column of numbers."""
        values, problems = self._read(column)
        return None if len(problems) or np.isnan(values).all() else values

    def no_number(self, column: str) -> str:
        """The cells that keep a column from being numbers, with their rows; empty if there are none."""
        return next((problem.found for problem in self._read(column)[1]), "")

    def _read(self, column: str) -> tuple[np.ndarray, Problems]:
        problems = Problems()
        usual = {*USUAL_MISSING, *(text.upper() for text in USUAL_MISSING), "NaN", "Null", "None"}
        dialect = self.dialect.model_copy(update={"missing": [*usual, *self.dialect.missing]})
        return numbers(self.frame, column, self.shown, dialect, problems), problems

    def measured(self, column: str) -> np.ndarray | None:
        """As `numbers`, for what cannot be negative: codes such as -9999 are no values, either."""
        values = self.numbers(column)
        return None if values is None else np.where(np.isin(values, _CODES), np.nan, values)

    def absent(self, columns: list[str]) -> list[str]:
        """Texts in the columns that mean no value and that the usual dialect does not know, such as "-" and "-9999"."""
        found = dict.fromkeys(
            str(cell).strip() for column in columns for cell in self.frame[column] if self._is_absent(cell)
        )
        return sorted(text for text in found if text not in _DEFAULT_MISSING)

    def _is_absent(self, cell) -> bool:
        if not isinstance(cell, str):
            return isinstance(cell, float) and cell in _CODES
        try:
            return cell.strip().lower() in USUAL_MISSING or float(cell) in _CODES
        except ValueError:
            return False


def open_table(path: Path) -> Table:
    """Read the sample file.

    Raises
    ------
    InputError
        If there is no such file, it has no rows, or is no table and no layer of points.
    """
    shown = str(path)
    if path.suffix.lower() in TEXT:
        return _text_table(path, shown)
    frame = read_layer(path, shown, "SAMPLES")
    if frame.empty:
        raise InputError(Problem(shown, "", "no features", "one point a sample"))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="feature")
    problems = Problems()
    points = point_coordinates(frame.geometry, shown, problems)
    problems.raise_if_any()
    rest = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return Table(path, shown, rest, TableDialect(), points, frame.crs)


def _text_table(path: Path, shown: str) -> Table:
    text = read_text_file(path, shown, "Check the path of SAMPLES.", MOST_TABLE)
    separator = _separator(text)
    plain = TableDialect(separator=separator)
    frame = read_table(path, shown, plain, [])
    # Spreadsheets write columns that were emptied.
    frame = frame.loc[:, [bool(name) or bool((cells != "").any()) for name, cells in frame.items()]]
    if "" in frame.columns:
        found, mend = "a column without a name", "Name it, and remove titles above the header."
        raise InputError(Problem(shown, "header", found, "the names of all columns", mend))
    if len(frame.columns) == 1:
        expected = "columns separated by one of , ; tab |"
        raise InputError(Problem(shown, "header", f"one column {frame.columns[0]!r}", expected))
    twice = sorted({name for name in frame.columns if list(frame.columns).count(name) > 1})
    if twice:
        found = f"two columns of the name {', '.join(map(repr, twice))}"
        raise InputError(Problem(shown, "header", found, "each name once", "Rename one of them."))
    _refuse_words(frame, shown)
    commas = separator != "," and frame.apply(lambda column: column.str.fullmatch(_COMMA)).to_numpy().any()
    return Table(path, shown, frame, plain.model_copy(update={"decimal": "," if commas else "."}))


def _refuse_words(frame: pd.DataFrame, shown: str) -> None:
    if not frame.apply(lambda column: column.str.contains(r"\d", regex=True)).to_numpy().any():
        found = f"no number in {len(frame)} rows of {len(frame.columns)} columns"
        raise InputError(
            Problem(shown, "", found, "coordinates and carbon of each sample", "Check the file.")
        )


def _separator(text: str) -> str:
    """The sign that splits the header into the most columns."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    plain = re.sub(r'"[^"]*"', "", header)
    return max(_SEPARATORS, key=lambda sign: (plain.count(sign), -_SEPARATORS.index(sign)))
