"""GeoTIFF and everything else that rasterio opens: one band, twelve bands a year, or all years in one file."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from poml_map.catalog import FORTNIGHTS, Source, first_of_files, uri_fields
from poml_map.cube.blocks import BlockCache, Stored, assemble, unit_shape
from poml_map.cube.frames import STATIC, Frame, damaged, in_months, read_by_file, same_grid
from poml_map.cube.ownunit import unit_problem
from poml_map.cube.positions import SourceGrid, source_grid
from poml_map.cube.tiffblocks import check_blocks
from poml_map.errors import InputError, Problems
from poml_map.grid import Tile
from poml_map.rasterfile import check_raster, open_raster

_FAILURES = (RasterioError, RasterioIOError, OSError)


class RasterFiles:
    """The raster files of one variable; see `frames.Reader`.

    Parameters
    ----------
    source : Source
    years : list of int
        Years whose files are wanted, where the uri has one a year; else those the file holds, in its order.
    near : float
        Longitude of the mapped area.
    variable : str
        For ``{variable}`` in the uri.

    Raises
    ------
    InputError
        With the problems of all files: no CRS, another grid than the first, a band count that does not fit.
    """

    def __init__(self, source: Source, years: list[int], near: float, variable: str = ""):
        self.source = source
        self._at = _bands(source, years, variable)  # frame -> (year, month) of the file, band
        self._halves: dict[Frame, list[tuple]] = {}  # of months with two files: month -> keys of `_at`
        for key in self._at if source.entry.in_month else []:
            self._halves.setdefault(key[:2], []).append(key)
        self._variable = variable
        self._whole: set = set()  # compressed blocks whose checksum was read
        self._bands: dict[Frame, _Bands] = {}  # by file
        self._unit = (0, 0)
        self.frames = frozenset(self._halves or self._at)
        self.grid, self.packing = self._check_headers(near)

    def _check_headers(self, near: float) -> tuple[SourceGrid, tuple[float, float]]:
        problems, first, packing = Problems(), None, (1.0, 0.0)
        wanted: dict[Frame, list[int]] = defaultdict(list)
        for file, band in self._at.values():
            wanted[file].append(band)
        for file, bands in wanted.items():
            shown = self.source.shown(self._variable, *file)
            try:
                grid, packing = self._header(shown, file, bands, near)
            except InputError as error:
                problems.collect(error)
                continue
            if first is not None and not same_grid(first, grid):
                found = f"another grid ({grid.width} x {grid.height}) than the first file"
                mend = "All files of an entry must have one grid: split the entry or bring them to one grid."
                problems.extend(
                    [self.source.problem(found, f"{first.width} x {first.height}", mend, file=shown)]
                )
            first = first or grid
        if len(problems):
            raise InputError(first_of_files(self.source, list(problems), len(wanted)))
        return first, packing

    def _header(self, shown: str, file: Frame, bands: list[int], near: float):
        entry = self.source.entry
        try:
            path = self.source.path(self._variable, *file)
            with open_raster(path) as data:
                if "complex" in data.dtypes[0]:
                    found = f"complex numbers ({data.dtypes[0]})"
                    raise InputError(self.source.problem(found, "real numbers", file=shown))
                check_raster(data, path, self.source.allowed)
                band = min(bands[0], data.count)
                own_unit = unit_problem(self.source, data.units[band - 1] or "", f"band {band}", shown)
                count, crs, transform = data.count, data.crs, tuple(data.transform)[:6]
                width, height = data.width, data.height
                packing = _packing(data, min(bands[0], count), entry)
                if max(bands) <= count:
                    self._bands[file] = _Bands.of(data, bands, entry)
                itemsize = np.dtype(data.dtypes[0]).itemsize
                self._unit = unit_shape(data.block_shapes[0], itemsize, len(self._at))
        except _FAILURES as error:
            raise damaged(self.source, shown, error) from error
        problems = Problems()
        problems.extend([own_unit] if own_unit else [])
        expected = max(bands) if entry.band is None else None
        if expected is not None and count != expected:
            mend = "Declare `band:` to take one of them." if expected == 1 else "Check `uri:` and `years:`."
            problems.extend([self.source.problem(f"{count} bands", f"{expected}", mend, file=shown)])
        elif max(bands) > count:
            problems.extend([self.source.problem(f"{count} bands", f"band {max(bands)}", file=shown)])
        if not (entry.crs or crs):
            mend = 'Add `crs: "EPSG:..."` to the entry: it is never guessed.'
            problems.extend(
                [self.source.problem("no CRS", "a CRS in the file or the entry", mend, file=shown)]
            )
        if transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
            mend = "Write the file with its position (a transform, a world file or a GeoTIFF tag)."
            problems.extend(
                [self.source.problem("no position on the map", "a georeference", mend, file=shown)]
            )
        problems.raise_if_any()
        return source_grid(entry.crs or crs.to_wkt(), transform, width, height, near), packing

    def place(self, frame: Frame) -> tuple[str, str]:
        """File as the user would write it, and band, of a frame."""
        file, band = self._at[self._halves[frame][0] if self._halves else frame]
        return self.source.shown(self._variable, *file), f"band {band}"

    def read(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """Values in the file's unit, shape (frames, rows, columns), NaN where missing."""
        read_file = partial(self._read_file, blocks=blocks)
        if not self._halves:
            return read_by_file(self._at, frames, window, read_file)
        keys = [self._halves[frame] for frame in frames]
        values = read_by_file(self._at, list(itertools.chain(*keys)), window, read_file)
        return in_months(values, [*map(len, keys)], self.source.entry.in_month)

    def _read_file(
        self, file: Frame, bands: list[int], window: Tile, blocks: BlockCache | None
    ) -> np.ndarray:
        parts = []
        try:
            for cols in self.grid.pieces(window):
                part = Tile(window.row0, window.row1, cols.start, cols.stop)
                parts.append(self._bands[file].unpack(self._stored(file, bands, part, blocks), bands))
        except _FAILURES as error:
            raise damaged(self.source, self.source.shown(self._variable, *file), error, window) from error
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _stored(self, file: Frame, bands: list[int], window: Tile, blocks: BlockCache | None) -> Stored:
        if blocks is None:
            return self._decode(file, bands, window)

        def unit(part: Tile) -> Stored:
            key = (self._variable, file, tuple(bands), part)
            return blocks.get(key, lambda: self._decode(file, bands, part))

        return assemble(window, self._unit, (self.grid.height, self.grid.width), unit)

    def _decode(self, file: Frame, bands: list[int], window: Tile) -> Stored:
        path = self.source.path(self._variable, *file)
        part = Window(window.col0, window.row0, window.shape[1], window.shape[0])
        with open_raster(path) as data:
            check_blocks(data, path, bands, window, self._whole)
            if not self._bands[file].masked:
                return Stored(data.read(bands, window=part))
            found = data.read(bands, window=part, masked=True)
        return Stored(found.data, np.ma.getmaskarray(found))


def _packing(data, band: int, entry) -> tuple[float, float]:
    scale = data.scales[band - 1] if entry.scale is None else entry.scale
    offset = data.offsets[band - 1] if entry.offset is None else entry.offset
    return float(scale), float(offset)


@dataclass(frozen=True)
class _Bands:
    """How the numbers of a file's bands become values.

    Attributes
    ----------
    masked : bool
        Whether the file has a mask of its own, or an alpha band.
    codes : dict of int -> tuple of float
        Numbers that mean "no data", by band.
    packing : dict of int -> (float, float)
        Scale and offset, by band.
    """

    masked: bool
    codes: dict[int, tuple[float, ...]]
    packing: dict[int, tuple[float, float]]

    @classmethod
    def of(cls, data, bands: list[int], entry) -> _Bands:
        flags, nodata = data.mask_flag_enums, data.nodatavals
        plain = {MaskFlags.nodata, MaskFlags.all_valid}
        return cls(
            masked=any(set(flags[band - 1]) - plain for band in bands),
            codes={band: tuple({nodata[band - 1], *entry.nodata_codes} - {None}) for band in bands},
            packing={band: _packing(data, band, entry) for band in bands},
        )

    def unpack(self, stored: Stored, bands: list[int]) -> np.ndarray:
        """Values of these bands, float64, NaN where missing."""
        values = stored.numbers.astype(float)
        if stored.missing is not None:
            values[stored.missing] = np.nan
        for rule, places in _alike([(self.codes[band], self.packing[band]) for band in bands]):
            codes, (scale, offset) = rule
            part = values if places is None else values[places]
            numbers = stored.numbers if places is None else stored.numbers[places]
            for code in codes:
                part[numbers == _as_stored(code, numbers.dtype)] = np.nan
            if (scale, offset) != (1.0, 0.0):
                part *= scale
                part += offset
            if places is not None:
                values[places] = part
        return values


def _alike(rules: list) -> list[tuple[object, list[int] | None]]:
    """Each rule with the positions it holds at; None for all, as nearly always."""
    if len(set(rules)) == 1:
        return [(rules[0], None)]
    return [(rule, [at for at, each in enumerate(rules) if each == rule]) for rule in dict.fromkeys(rules)]


def _as_stored(code: float, dtype: np.dtype):
    """A nodata value as the file's own type has it; one that does not fit matches nothing."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = np.array(code).astype(dtype)
    return cast if dtype.kind == "f" or cast == code else np.nan


def _bands(source: Source, years: list[int], variable: str) -> dict[Frame, tuple[Frame, int]]:
    """Where each frame lies: the file's own year and month, and the band."""
    entry, fields = source.entry, uri_fields(source.entry.uri)
    time, only = entry.steps_in_time, entry.band or 1
    if time == "static":
        return {STATIC: (STATIC, only)}
    months = range(1, 13) if time == "monthly" else [None]
    frames = [(year, month) for year in years for month in months]
    if "fortnight" in fields:
        halves = [(*frame, half) for frame in frames for half in FORTNIGHTS]
        return {key: (key, only) for key in halves}
    if "month" in fields or (time == "annual" and "year" in fields):
        return {(year, month): ((year, month), only) for year, month in frames}
    if "year" in fields:
        return {(year, month): ((year, None), month) for year, month in frames}
    return {frame: (STATIC, band) for band, frame in enumerate(frames, start=1)}
