"""NetCDF and Zarr sources: axes and months found by label, packing undone once, CRS never guessed."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np

from poml_map.catalog import Entry, Source, file_months, first_of_files, uri_fields
from poml_map.cube.blocks import BlockCache
from poml_map.cube.container import FAILURES, check_chunks, check_container, open_container
from poml_map.cube.frames import Frame, damaged, in_months, read_by_file, same_grid
from poml_map.cube.header import Header, HeaderReader, packing
from poml_map.cube.timeaxis import repeated, uneven
from poml_map.errors import InputError, Problem, Problems
from poml_map.grid import Tile


class ArrayFiles:
    """NetCDF or Zarr files of one variable; see `frames.Reader`.

    Parameters
    ----------
    source : Source
    years : list of int
        Years whose files are wanted, where the uri has one a year.
    near : float
        Longitude of the mapped area.
    variable : str
        Name in the file, and for ``{variable}`` in the uri.

    Raises
    ------
    InputError
        With the problems of all files.
    """

    def __init__(self, source: Source, years: list[int], near: float, variable: str):
        self.source, self._variable = source, variable
        self._checked: set = set()  # compressed chunks whose size is known
        fields = uri_fields(source.entry.uri)
        files = list(itertools.product(years if "year" in fields else [None], file_months(fields)))
        problems, self._at, first = Problems(), {}, None
        seen: list[Frame] = []
        for file in files:
            try:
                header = self._header(file, near)
            except InputError as error:
                problems.collect(error)
                continue
            if first is not None and not (same_grid(first.grid, header.grid) and first.roles == header.roles):
                shown = source.shown(variable, *file)
                problems.extend([source.problem("another grid than the first file", "one grid", file=shown)])
            first = first or header
            # Of `in_month` the steps of one file belong together; a month in two files is still one too many.
            seen += dict.fromkeys(header.frames) if source.entry.in_month else header.frames
            for step, frame in enumerate(header.frames):
                self._at[frame] = (file, (*self._at.get(frame, (file, ()))[1], step))
        problems.extend(self._strange_steps(seen))
        if len(problems):
            raise InputError(first_of_files(source, list(problems), len(files)))
        self.grid, self.packing = first.grid, first.packing
        self._roles = first.roles
        self.frames = frozenset(self._at)

    def _strange_steps(self, seen: list[Frame]) -> list[Problem]:
        """Problems of months that come too often, or not with as many steps as others."""
        entry, where = self.source.entry, f"variable {self._variable}"
        if repeated(seen):
            mend = "Only monthly values are read: aggregate daily ones, remove doubles."
            expected = "one step a month" if entry.steps_in_time == "monthly" else "one step a year"
            if entry.steps_in_time == "monthly" and not entry.in_month:
                mend += " Of half-months, `in_month: max` or `in_month: mean` makes one value."
            return [self.source.problem(repeated(seen), expected, mend, where)]
        odd = uneven(Counter({frame: len(steps) for frame, (_, steps) in self._at.items()}))
        if entry.in_month and odd:
            mend = "Bring a whole file, or leave the year out."
            return [self.source.problem(odd, "as many in every month", mend, where)]
        return []

    def _header(self, file: Frame, near: float) -> Header:
        shown = self.source.shown(self._variable, *file)
        path, driver = self.source.path(self._variable, *file), self.source.entry.driver
        try:
            check_container(path, driver)
            with open_container(path, driver) as data:
                return HeaderReader(self.source, data, self._variable, shown, file[0]).header(near)
        except FAILURES as error:
            raise damaged(self.source, shown, error) from error

    def place(self, frame: Frame) -> tuple[str, str]:
        """File as the user would write it, and time step, of a frame."""
        file, steps = self._at[frame]
        text = (
            "steps " + ", ".join(str(step + 1) for step in steps)
            if len(steps) > 1
            else f"step {steps[0] + 1}"
        )
        return self.source.shown(self._variable, *file), f"variable {self._variable}, {text}"

    def read(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """Values in the file's unit, shape (frames, rows, columns), NaN where missing; `blocks` is not used."""
        return read_by_file(self._at, frames, window, self._read_file)

    def _read_file(self, file: Frame, places: list[tuple[int, ...]], window: Tile) -> np.ndarray:
        path, entry = self.source.path(self._variable, *file), self.source.entry
        steps = [step for place in places for step in place]
        try:
            with open_container(path, entry.driver) as data:
                parts = [
                    self._read_part(path, data, steps, window, cols) for cols in self.grid.pieces(window)
                ]
                attrs = data.attrs(self._variable)
        except FAILURES as error:
            raise damaged(self.source, self.source.shown(self._variable, *file), error, window) from error
        values = unpack(np.concatenate(parts, axis=2), attrs, entry)
        return values if entry.in_month is None else in_months(values, [*map(len, places)], entry.in_month)

    def _read_part(self, path: Path, data, steps: list[int], window: Tile, cols: slice) -> np.ndarray:
        """Stored numbers, shape (steps, rows, columns), whatever the order of the file's dimensions."""
        first, last = min(steps), max(steps)
        wanted = {"time": slice(first, last + 1), "y": window.rows, "x": cols, "one": 0}
        index = tuple(wanted[role] for role in self._roles)
        check_chunks(path, self.source.entry.driver, self._variable, index, self._checked)
        stored = data.read(self._variable, index)
        kept = [role for role in self._roles if role != "one"]
        if "time" not in kept:
            stored, kept = stored[None], ["time", *kept]
        stored = stored.transpose([kept.index(role) for role in ("time", "y", "x")])
        return stored[np.subtract(steps, first)]


def unpack(stored: np.ndarray, attrs: dict, entry: Entry) -> np.ndarray:
    """Stored numbers as values: nodata out, then scale and offset, each once.

    Parameters
    ----------
    stored : ndarray
    attrs : dict
        CF attributes of the variable. What the catalog entry declares goes first.
    entry : Entry

    Returns
    -------
    ndarray of float64
    """
    if str(attrs.get("_Unsigned", "")).lower() == "true" and stored.dtype.kind == "i":
        stored = stored.view(stored.dtype.str.replace("i", "u"))
    values = stored.astype(float)
    missing = np.zeros(values.shape, bool)
    for declared in (attrs.get("_FillValue"), attrs.get("missing_value"), entry.nodata_codes):
        for code in np.atleast_1d([] if declared is None else declared):
            with np.errstate(invalid="ignore", over="ignore"):  # a code beyond the type matches nothing real
                missing |= values == float(np.asarray(code).astype(stored.dtype))
    scale, offset = packing(attrs, entry)
    if (scale, offset) != (1.0, 0.0):
        values = values * scale + offset
    values[missing] = np.nan
    return values
