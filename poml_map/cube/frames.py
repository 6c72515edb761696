"""What every reader of gridded files offers, and what goes wrong when it reads.

A frame is one map in a file, labelled ``(year, month)``: ``(1980, 7)``, ``(1980, None)`` for a yearly and
``(None, None)`` for a static map.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

import numpy as np

from poml_map.catalog import Source
from poml_map.cube.blocks import BlockCache
from poml_map.cube.positions import SourceGrid
from poml_map.errors import InputError, Problem, RefusedFileError
from poml_map.grid import Tile
from poml_map.notdata import lies_in

Frame = tuple[int | None, int | None]
_turn = itertools.count()
STATIC: Frame = (None, None)


class Reader(Protocol):
    """Gridded files of one variable, whose headers have been checked.

    Attributes
    ----------
    grid : SourceGrid
    frames : frozenset of Frame
        What the files hold.
    packing : tuple of 2 float
        Scale and offset that turned stored numbers into values, for messages.
    """

    grid: SourceGrid
    frames: frozenset[Frame]
    packing: tuple[float, float]

    def read(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """Values in the file's unit, shape (len(frames), rows, columns), float64, NaN where missing.

        `blocks` may keep what was decoded for the windows that come next.
        """
        ...

    def place(self, frame: Frame) -> tuple[str, str]:
        """File as the user would write it, and band or time step, of a frame."""
        ...


def frame_name(frame: Frame) -> str:
    """How a frame is called in messages.

    Examples
    --------
    >>> frame_name((1980, 7)), frame_name((1980, None)), frame_name((None, None))
    ('1980-07', '1980', '')
    """
    year, month = frame
    return f"{year}-{month:02d}" if month else "" if year is None else str(year)


def year_list(years) -> str:
    """Years as ranges.

    Examples
    --------
    >>> year_list([1980, 1981, 1982, 1985])
    '1980-1982, 1985'
    """
    years, parts = sorted(set(years)), []
    while years:
        end = 0
        while end + 1 < len(years) and years[end + 1] == years[end] + 1:
            end += 1
        parts.append(str(years[0]) if end == 0 else f"{years[0]}-{years[end]}")
        years = years[end + 1 :]
    return ", ".join(parts)


def damaged(source: Source, file: str, error: Exception, window: Tile | None = None) -> InputError:
    """The error for a file that cannot be opened or read: what it is instead, where its first bytes tell."""
    other = lies_in(source.root / file) if window is None else None
    if other and not (source.entry.driver == "vector" and other[0].startswith("a JSON")):
        return InputError(
            source.problem(other[0], f"a file for driver {source.entry.driver}", other[1], file=file)
        )
    if isinstance(error, RefusedFileError):
        return InputError(source.problem(error.found, error.expected, error.mend, file=file))
    where = f"rows {window.row0}-{window.row1}, columns {window.col0}-{window.col1}" if window else ""
    found = f"an error while {'reading' if window else 'opening'} ({_said(source, file, error)})"
    mend = "The file looks damaged or cut short: bring it again, and compare its size with the original."
    if window is None:
        mend = f"It is damaged, or no file for driver {source.entry.driver}: bring it again, or change `driver:`."
    return InputError(
        Problem(file, f"entry '{source.name}'" + (f", {where}" if where else ""), found, "", mend)
    )


def _said(source: Source, file: str, error: Exception) -> str:
    """The library's first cause, with the file as the user would write it."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = str(error).partition(";")[0].strip().rstrip(".") or type(error).__name__
    return text.replace(str(source.root / file), file)


def same_grid(first: SourceGrid, other: SourceGrid) -> bool:
    """Whether two files of one source lie on the same cells, to a thousandth of a cell."""
    if (first.width, first.height) != (other.width, other.height):
        return False
    cell = np.hypot(first.transform[0], first.transform[3])
    size = np.array([first.width, first.height, 1, first.width, first.height, 1])
    difference = np.abs(np.subtract(first.transform, other.transform)) * size
    return bool((difference < 1e-3 * cell).all())


def read_by_file(
    at: dict[Frame, tuple], frames: list[Frame], window: Tile, read_file: Callable
) -> np.ndarray:
    """Values of frames that lie in several files, each file opened once.

    Parameters
    ----------
    at : dict of frame -> (file, place)
        The file of each frame, and its band or step there.
    frames : list of frame
    window : Tile
    read_file : callable
        ``read_file(file, places, window)`` gives (places, rows, columns).

    Returns
    -------
    ndarray of float, shape (frames, rows, columns)
    """
    out = np.empty((len(frames), *window.shape))
    by_file: dict[Frame, list[int]] = defaultdict(list)
    for position, frame in enumerate(frames):
        by_file[at[frame][0]].append(position)
    # Threads that want the same files begin at opposite ends: each finds decoded what the other has done.
    files = list(by_file.items())
    for file, positions in reversed(files) if next(_turn) % 2 else files:
        places = [at[frames[position]][1] for position in positions]
        out[positions] = read_file(file, places, window)
    return out


def in_months(values: np.ndarray, counts: list[int], how: str) -> np.ndarray:
    """One map for each month that several maps tell of.

    Parameters
    ----------
    values : ndarray of float, shape (maps, rows, columns)
        Unpacked, NaN where missing; the maps of a month follow each other.
    counts : list of int
        How many maps each month has; their sum is the number of maps.
    how : {"mean", "max"}

    Returns
    -------
    ndarray of float, shape (len(counts), rows, columns)
        Of the maps that are not missing; NaN where all are.

    Examples
    --------
    >>> half = np.array([0.2, 0.4, np.nan, 0.6, np.nan, np.nan])[:, None, None]
    >>> in_months(half, [2, 2, 2], "mean").ravel().round(2), in_months(half, [2, 2, 2], "max").ravel()
    (array([0.3, 0.6, nan]), array([0.4, 0.6, nan]))
    """
    out = np.empty((len(counts), *values.shape[1:]))
    for month, part in enumerate(np.split(values, np.cumsum(counts)[:-1])):
        if how == "max":
            out[month] = np.fmax.reduce(part, axis=0)
        else:
            missing = np.isnan(part)
            with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of a month without any value
                out[month] = np.where(missing, 0.0, part).sum(axis=0) / (~missing).sum(axis=0)
    return out
