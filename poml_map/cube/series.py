"""A gridded source in the cube's unit: converted once, checked at every read, averaged over years if asked.

A `Step` says which years of a month are averaged: ``((1980,), 7)`` is July 1980, ``((1982, 1983), 7)`` the
mean July of two years. Means are made on the source's own cells, before any interpolation.
"""

from __future__ import annotations

import calendar
import threading
from collections import defaultdict

import numpy as np

from poml_map.catalog import Source
from poml_map.cube.blocks import BlockCache, cache_limit
from poml_map.cube.frames import Frame, Reader
from poml_map.cube.ranges import check_range, check_whole
from poml_map.grid import Tile
from poml_map.units import conversion, parse_unit

Step = tuple[tuple[int | None, ...], int | None]

# A source whose cells of the whole area and all steps fit in this is kept in memory. [bytes]
KEEP_BYTES = 64 * 2**20
# What is read from files at once. [bytes]
_BATCH_BYTES = 8 * 2**20
_SHORT_TIMES = ("second", "minute", "hour", "day", "week")


class Conversion:
    """From the file's unit to the cube's, for each frame.

    A rate per day (or second, hour) becomes the total of a month by that month's own number of days; rates
    per month or year need no calendar.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source):
        entry = source.entry
        self.factor, self.offset = entry.unit_conversion() if entry.unit else (1.0, 0.0)
        self.daily = False
        if entry.unit and entry.steps_in_time == "monthly" and entry.cube_unit.endswith("/month"):
            parts = dict(parse_unit(entry.unit).unit_items())
            self.daily = any(parts.get(name) == -1 for name in _SHORT_TIMES)
        if self.daily:
            # the ground conversion takes a month as a twelfth of a year: the same number of days in each
            self.factor /= conversion("1/day", "1/month")[0]

    def __call__(self, values: np.ndarray, frame: Frame) -> np.ndarray:
        """Bring a float64 array to the cube's unit, in place; also returned."""
        year, month = frame
        factor = self.factor * calendar.monthrange(year, month)[1] if self.daily else self.factor
        if factor != 1.0:
            values *= factor
        if self.offset:
            values += self.offset
        return values


class Series:
    """A reader's frames in the cube's unit.

    Parameters
    ----------
    source : Source
    reader : Reader
    steps : list of Step
        All that will ever be asked for, those asked together side by side.
    area : Tile
        The part of the source that the region touches.
    """

    def __init__(self, source: Source, reader: Reader, steps: list[Step], area: Tile):
        self.source, self.reader, self.steps, self.area = source, reader, steps, area
        self.convert = Conversion(source)
        self._position = {step: index for index, step in enumerate(steps)}
        self._lock = threading.Lock()
        self.forget()

    def __getstate__(self):  # another process reads for itself
        return self.__dict__ | {"_lock": None, "_kept": None, "_blocks": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())
        self.forget()

    @property
    def is_kept(self) -> bool:
        """Whether all of it is small enough to stay in memory."""
        return 4 * self.area.shape[0] * self.area.shape[1] * len(self.steps) <= KEEP_BYTES

    @property
    def most_kept(self) -> int:
        """What stays in memory of it at most. [bytes]"""
        cells = self.area.shape[0] * self.area.shape[1]
        return 4 * cells * len(self.steps) if self.is_kept else self._blocks.limit

    def cells(self, steps: list[Step], window: Tile) -> tuple[np.ndarray, Tile]:
        """Values of the source's cells.

        Parameters
        ----------
        steps : list of Step
        window : Tile
            Rows and columns of the source.

        Returns
        -------
        values : ndarray of float32, shape (len(steps), cells)
            NaN where missing.
        window : Tile
            What they cover: the one asked for, or more.

        Raises
        ------
        InputError
            If a file is damaged, or a value is infinite or physically impossible.
        """
        within = (
            self.area.row0 <= window.row0 and window.row1 <= self.area.row1
            and self.area.col0 <= window.col0 and window.col1 <= self.area.col1
        )  # fmt: skip
        if not (within and self.is_kept and all(step in self._position for step in steps)):
            return self._read(steps, window, self._blocks), window
        with self._lock:
            if self._kept is None:
                self._kept = self._read(self.steps, self.area)
            kept = self._kept
        return kept[_as_slice([self._position[step] for step in steps])], self.area

    def forget(self) -> None:
        """Let go of what was read; it is read again when it is asked for."""
        self._kept, self._blocks = None, BlockCache(cache_limit(len(self.all_frames())))

    def all_frames(self) -> list[Frame]:
        """Every frame of the files that a run reads, in order."""
        frames = {(year, month) for years, month in self.steps for year in years}
        return sorted(frames, key=lambda frame: (frame[0] or 0, frame[1] or 0))

    def check(self, frame: Frame) -> None:
        """Read one frame over the whole area, strip by strip; raises as `cells`."""
        area = self.area
        rows = max(_BATCH_BYTES // (8 * area.shape[1]), 1)
        for start in range(area.row0, area.row1, rows):
            self._frames([frame], Tile(start, min(start + rows, area.row1), area.col0, area.col1))

    def _read(self, steps: list[Step], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """Every frame is read once, year by year, and goes into all steps that use it."""
        size = window.shape[0] * window.shape[1]
        out = np.empty((len(steps), size), "float32")
        users: dict[Frame, list[int]] = defaultdict(list)
        for index, (years, month) in enumerate(steps):
            for year in years:
                users[year, month].append(index)
        means = {index: _Mean(size) for index, (years, _) in enumerate(steps) if len(years) > 1}
        frames = sorted(users, key=lambda frame: (frame[0] or 0, frame[1] or 0))
        batch = 12 * max(_BATCH_BYTES // (12 * 8 * size), 1)  # whole years: a file of a year is opened once
        for start in range(0, len(frames), batch):
            part = frames[start : start + batch]
            for frame, values in zip(part, self._frames(part, window, blocks), strict=True):
                for index in users[frame]:
                    if index in means:
                        means[index].add(values.ravel())
                    else:
                        out[index] = values.ravel()
        for index, mean in means.items():
            out[index] = mean.value()
        return out

    def _frames(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        values = self.reader.read(frames, window, blocks)
        for index, frame in enumerate(frames):
            self.convert(values[index], frame)
        check_range(self.source, self.reader, frames, window, values, self.convert)
        if self.source.entry.role == "land_use":
            check_whole(self.source, self.reader, frames, window, values)
        return values


class _Mean:
    """Mean over the years that have a value, cell by cell; NaN where none has."""

    def __init__(self, size: int):
        self._total, self._count = np.zeros(size), np.zeros(size, np.int16)

    def add(self, values: np.ndarray) -> None:
        valid = ~np.isnan(values)
        self._total += np.where(valid, values, 0.0)
        self._count += valid

    def value(self) -> np.ndarray:
        unknown = np.full(len(self._total), np.nan)
        return np.divide(self._total, self._count, out=unknown, where=self._count > 0)


def _as_slice(positions: list[int]):
    """A slice where positions follow each other, so that nothing is copied."""
    first, count = positions[0], len(positions)
    return slice(first, first + count) if positions == list(range(first, first + count)) else positions
