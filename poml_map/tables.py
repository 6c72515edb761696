"""Text tables read strictly: the declared dialect or an error with row and column, never a silent NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.catalog import TableDialect
from poml_map.errors import InputError, Problem, Problems
from poml_map.yamlfile import read_text_file

# So many bad rows are named; the rest is counted.
_NAMED_ROWS = 5


def read_table(path: Path, shown: str, dialect: TableDialect, needed: list[str]) -> pd.DataFrame:
    """A text table as texts, with the line number of each row as its index.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user wrote it.
    dialect : TableDialect
    needed : list of str
        Columns that must be there.

    Returns
    -------
    pandas.DataFrame of str
        Blanks around values are cut. Index: line in the file, from 2.

    Raises
    ------
    InputError
        If the file cannot be read, has no rows, lacks a column or names one twice, or a row has another
        number of values than the header.
    """
    text = read_text_file(path, shown, "Check `file:` or `uri:`.")
    rows = (
        [line.split(dialect.separator) for line in text.splitlines()]
        if '"' not in text
        else _quoted(text, dialect)
    )
    header = [name.strip() for name in rows[0]] if rows else []
    problems = Problems()
    _check_header(header, shown, dialect, needed, problems)
    body = [
        (number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)
    ]
    if not body:
        problems.add(shown, "", "no rows below the header", "one row per value")
    ragged = [number for number, row in body if len(row) != len(header)]
    if ragged and not len(problems):
        found = f"{len(ragged)} rows with another number of values than the header"
        mend = (
            f"A {dialect.separator!r} inside a value needs quotes; a decimal comma needs another separator."
        )
        problems.add(shown, f"lines {_some(ragged)}", found, f"{len(header)} values", mend)
    problems.raise_if_any()
    frame = pd.DataFrame([row for _, row in body], columns=header, index=[number for number, _ in body])
    return frame.map(str.strip)


def _quoted(text: str, dialect: TableDialect) -> list[list[str]]:
    import csv
    import io

    return list(csv.reader(io.StringIO(text), delimiter=dialect.separator))


def _check_header(header, shown: str, dialect: TableDialect, needed: list[str], problems: Problems) -> None:
    missing = [name for name in needed if name not in header]
    other = next((sep for sep in ";\t," if sep != dialect.separator and sep in "".join(header)), None)
    for name in missing:
        mend = (
            f"Set `table: {{separator: {other!r}}}`."
            if other
            else "Names must match, upper and lower case too."
        )
        problems.add(shown, f"column '{name}'", f"only {', '.join(header)}", "this column", mend)
    twice = sorted({name for name in header if name in needed and header.count(name) > 1})
    for name in twice:
        problems.add(shown, f"column '{name}'", "two columns of this name", "one")


def numbers(
    frame: pd.DataFrame, column: str, shown: str, dialect: TableDialect, problems: Problems
) -> np.ndarray:
    """One column as floats.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `read_table`, or any frame whose column may already hold numbers.
    column : str
    shown : str
        The file as the user wrote it.
    dialect : TableDialect
    problems : Problems
        Gets one problem for all texts that are no numbers.

    Returns
    -------
    ndarray of float
        NaN where the cell holds one of `dialect.missing`.
    """
    cells = frame[column]
    if pd.api.types.is_numeric_dtype(cells):
        return cells.to_numpy(float)
    values = np.full(len(cells), np.nan)
    bad: dict[int, str] = {}
    for position, (line, cell) in enumerate(cells.items()):
        text = "" if cell is None else str(cell)
        if text in dialect.missing:
            continue
        try:
            values[position] = _number(text, dialect.decimal)
        except ValueError:
            bad[line] = text
    if bad:
        examples = ", ".join(f"{text!r} in line {line}" for line, text in list(bad.items())[:_NAMED_ROWS])
        more = f" and {len(bad) - _NAMED_ROWS} more" if len(bad) > _NAMED_ROWS else ""
        mend = "Declare `table: {decimal: ..., missing: [...]}`, or mend the cells; no thousands separators."
        problems.add(shown, f"column '{column}'", examples + more, "numbers", mend)
    return values


def _number(text: str, decimal: str) -> float:
    if "_" in text or (decimal == "," and "." in text):
        raise ValueError(text)
    value = float(text.replace(",", ".") if decimal == "," else text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _some(lines: list[int]) -> str:
    named = ", ".join(str(line) for line in lines[:_NAMED_ROWS])
    return f"{named} and {len(lines) - _NAMED_ROWS} more" if len(lines) > _NAMED_ROWS else named


def refuse_repeats(frame: pd.DataFrame, columns: list[str], shown: str) -> None:
    """Raise `InputError` if two rows have the same values in `columns`; lines and values are named."""
    repeated = frame[frame.duplicated(columns, keep=False)]
    if len(repeated):
        keys = repeated[columns].drop_duplicates().head(_NAMED_ROWS).astype(str).agg(" ".join, axis=1)
        found = f"{len(repeated)} rows that repeat {', '.join(keys)}"
        raise InputError(Problem(shown, " + ".join(columns), found, "each once", "Remove the repeats."))
