"""Text tables read strictly: the declared dialect or an error with row and column, never a silent NaN."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.catalog import TableDialect
from poml_map.errors import InputError, Problem, Problems, nearest
from poml_map.limits import MOST_TABLE
from poml_map.yamlfile import read_text_file

# So many rows, ids or columns are named; the rest is counted.
_NAMED = 5
_NAMED_COLUMNS = 12
#: What laboratories write for "no value"; only what the dialect declares is taken for it.
USUAL_MISSING = {"", "-", "--", ".", "?", "na", "n/a", "n.a.", "nan", "null", "none", "nd", "n.d."}
_THOUSANDS = re.compile(r"[-+]?\d{1,3}([ ,.'\u00a0\u202f]\d{3})+([.,]\d+)?")


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
        Blanks around values are cut; rows of blanks alone are no rows. Index ``line``: in the file, from 1.

    Raises
    ------
    InputError
        If the file cannot be read, has no rows, lacks a column or names one twice, a quote stays open, or a
        row has another number of values than the header.
    """
    text = read_text_file(path, shown, "Check `file:` or `uri:`.", MOST_TABLE)
    rows = _rows(text, shown, dialect.separator)
    if not rows:
        raise InputError(Problem(shown, "", "an empty file", "a header and one row per value"))
    (first, header), *body = rows
    _check_separator(header, shown, dialect, needed, first)
    problems = Problems()
    _check_header(header, shown, needed, problems)
    if not body:
        problems.add(shown, "", "no rows below the header", "one row per value")
    _check_lengths(header, body, shown, dialect, problems)
    problems.raise_if_any()
    lines = pd.Index([line for line, _ in body], name="line")
    return pd.DataFrame([cells for _, cells in body], columns=header, index=lines, dtype=str)


def _rows(text: str, shown: str, separator: str) -> list[tuple[int, list[str]]]:
    """Line where each row begins, and its values; a value in quotes may hold separators and line ends."""
    if separator in '"\r\n':
        found = f"{separator!r} as the separator"
        raise InputError(Problem(shown, "table.separator", found, 'a character such as "," or ";"'))
    # After a separator a blank is no value, unless blanks are the separators.
    options = {"delimiter": separator, "skipinitialspace": separator != " ", "strict": True}
    reader = csv.reader(io.StringIO(text, newline=""), **options)
    rows, line = [], 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        mend = 'A quote " opens a value and must be closed before the next separator; write "" inside one.'
        raise InputError(
            Problem(shown, "", f"a row that cannot be read ({error})", "", mend, line)
        ) from error
    return rows


def _check_separator(header, shown: str, dialect: TableDialect, needed: list[str], line: int) -> None:
    """One clear problem instead of one for every column, when the whole header became a single column."""
    if header[0].lower().startswith("sep="):
        expected, mend = (
            "the names of the columns",
            "Remove this line, which only one spreadsheet program reads.",
        )
        raise InputError(Problem(shown, "header", f"{header[0]!r}", expected, mend, line))
    others = [each for each in ";\t,|" if each != dialect.separator and each in header[0]]
    if len(header) == 1 and others and header[0] not in needed:
        separator = max(others, key=header[0].count)
        written = r"\t" if separator == "\t" else separator
        found, mend = f"one column {header[0]!r}", f'Set `table: {{separator: "{written}"}}`.'
        expected = f"columns separated by {dialect.separator!r}"
        raise InputError(Problem(shown, "header", found, expected, mend, line))


def _check_header(header: list[str], shown: str, needed: list[str], problems: Problems) -> None:
    for name in dict.fromkeys(needed):
        if name not in header:
            problems.extend([missing_column(name, header, shown)])
        elif header.count(name) > 1:
            problems.add(shown, f"column '{name}'", "two columns of this name", "one", "Rename one of them.")


def missing_column(name: str, columns: Iterable[str], shown: str) -> Problem:
    """The problem of a table without the column `name`."""
    columns = [str(column) for column in columns]
    found = f"only {listed(columns, _NAMED_COLUMNS)}"
    mend = nearest(name, columns) or "Check `columns:` or the header of the table."
    return Problem(shown, f"column '{name}'", found, "this column", mend)


def _check_lengths(header, body, shown: str, dialect: TableDialect, problems: Problems) -> None:
    ragged = [(line, len(cells)) for line, cells in body if len(cells) != len(header)]
    if ragged:
        found = f"{listed(sorted({count for _, count in ragged}))} values"
        mend = f"A {dialect.separator!r} inside a value needs quotes"
        mend += ", a decimal comma another separator." if dialect.separator == "," else "."
        expected = f"{len(header)} values, as in the header"
        problems.add(shown, f"lines {listed(line for line, _ in ragged)}", found, expected, mend)


def numbers(
    frame: pd.DataFrame, column: str, shown: str, dialect: TableDialect, problems: Problems
) -> np.ndarray:
    """One column as floats.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `read_table`, or any frame whose column may already hold numbers. The name of its index says
        what a row is called in messages.
    column : str
    shown : str
        The file as the user wrote it.
    dialect : TableDialect
    problems : Problems
        Gets one problem for all cells that are no numbers.

    Returns
    -------
    ndarray of float
        NaN where the cell is null or one of `dialect.missing` (also written as another text of that number:
        -9999.0 for "-9999"), and where a problem was noted.
    """
    values = np.full(len(frame), np.nan)
    bad: dict[int, str] = {}
    absent = _missing_numbers(dialect)
    for position, (row, cell) in enumerate(frame[column].items()):
        try:
            value = _number(cell, dialect)
        except ValueError:
            bad[row] = str(cell)
            continue
        values[position] = np.nan if value in absent else value
    if bad:
        cells = listed(f"{text!r} in {_row_name(frame)} {row}" for row, text in bad.items())
        problems.add(shown, f"column '{column}'", cells, "numbers", _mend_numbers(bad.values(), dialect))
    return values


def _row_name(frame: pd.DataFrame) -> str:
    return frame.index.name or "line"


def _number(cell, dialect: TableDialect) -> float:
    if cell is None or cell is pd.NA:
        return np.nan
    if isinstance(cell, Real) and not isinstance(cell, (bool, np.bool_)):
        if np.isinf(cell):
            raise ValueError(cell)
        return float(cell)
    text = cell.strip() if isinstance(cell, str) else str(cell)
    return np.nan if text in dialect.missing else _parsed(text, dialect.decimal)


def _parsed(text: str, decimal: str) -> float:
    if "_" in text or (decimal == "," and "." in text):
        raise ValueError(text)
    value = float(text.replace(",", ".") if decimal == "," else text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _missing_numbers(dialect: TableDialect) -> set[float]:
    found = set()
    for text in dialect.missing:
        try:
            found.add(_parsed(text, dialect.decimal))
        except ValueError:
            continue
    return found


def _mend_numbers(texts: Iterable[str], dialect: TableDialect) -> str:
    """What all the bad cells have in common, if anything."""
    texts = set(texts)
    if all(text.lower() in USUAL_MISSING for text in texts):
        declared = ", ".join(f'"{text}"' for text in dict.fromkeys([*dialect.missing, *sorted(texts)]))
        return f"If they mean no value, set `table: {{missing: [{declared}]}}`."
    other = "," if dialect.decimal == "." else "."
    decimal = f'`table: {{decimal: "{other}"}}`'
    if all(_THOUSANDS.fullmatch(text) for text in texts):
        return f"Remove the thousands separators; or, if {other!r} is the decimal sign, set {decimal}."
    if all(_is_number(text, other) for text in texts):
        return f"Set {decimal}."
    return "Mend the cells, or declare `table: {decimal: ..., missing: [...]}`."


def _is_number(text: str, decimal: str) -> bool:
    try:
        _parsed(text, decimal)
    except ValueError:
        return False
    return True


def whole_years(
    frame: pd.DataFrame, column: str, shown: str, dialect: TableDialect, problems: Problems
) -> np.ndarray:
    """One column as years, "1980.0" too; the arguments are those of `numbers`.

    Returns
    -------
    ndarray of int
        0 where a problem was noted: a year must stand in every row.
    """
    # A date or a word is no better than 1980.5 here: one problem for all of them.
    years = numbers(frame, column, shown, dialect, Problems())
    good = np.isfinite(years) & (years == np.round(years)) & (years > 0) & (years < 10000)
    if not good.all():
        cells = frame[column][~good].items()
        found = listed(
            f"{'nothing' if pd.isna(cell) else repr(cell)} in {_row_name(frame)} {row}" for row, cell in cells
        )
        mend = "Write the year alone, or remove the rows."
        problems.add(shown, f"column '{column}'", found, "a whole year in every row, such as 1980", mend)
    return np.where(good, years, 0).astype(int)


def key_text(value) -> str:
    """An id as text, trimmed; whole numbers without a decimal point, nothing for a null.

    Examples
    --------
    >>> key_text(" 330101 "), key_text(330101.0), key_text(None)
    ('330101', '330101', '')
    """
    if not isinstance(value, str) and pd.isna(value):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def listed(items: Iterable, most: int = _NAMED) -> str:
    """The first few of `items`, and how many more there are.

    Examples
    --------
    >>> listed([3, 5, 7], most=2)
    '3, 5 and 1 more'
    """
    texts = [str(item) for item in items]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def refuse_repeats(frame: pd.DataFrame, columns: list[str], shown: str) -> None:
    """Raise `InputError` if two rows have the same values in `columns`; values and rows are named."""
    repeated = frame[frame.duplicated(columns, keep=False)]
    if repeated.empty:
        return
    keys = repeated[columns].astype(str).agg(" ".join, axis=1).str.strip()
    name = _row_name(frame)
    found = listed(
        f"{key} in {name}s {listed(rows.index)}" for key, rows in repeated.groupby(keys, sort=False)
    )
    raise InputError(Problem(shown, " + ".join(columns), found, "each once", "Remove the repeats."))
