"""GeoTIFF and everything else that rasterio opens: one band, twelve bands a year, or all years in one file."""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.env import ensure_env
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from poml_map import formats
from poml_map.catalog import Source, first_of_files, uri_fields
from poml_map.cube.frames import STATIC, Frame, damaged, read_by_file, same_grid
from poml_map.cube.positions import SourceGrid, source_grid
from poml_map.cube.tiffblocks import check_blocks
from poml_map.errors import InputError, Problems
from poml_map.grid import Tile

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
        self._variable = variable
        self._whole: set = set()  # compressed blocks whose checksum was read
        self.frames = frozenset(self._at)
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
            with open_raster(self.source.path(self._variable, *file)) as data:
                count, crs, transform = data.count, data.crs, tuple(data.transform)[:6]
                width, height = data.width, data.height
                packing = _packing(data, min(bands[0], count), entry)
        except _FAILURES as error:
            raise damaged(self.source, shown, error) from error
        problems = Problems()
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
        file, band = self._at[frame]
        return self.source.shown(self._variable, *file), f"band {band}"

    def read(self, frames: list[Frame], window: Tile) -> np.ndarray:
        """Values in the file's unit, shape (frames, rows, columns), NaN where missing."""
        return read_by_file(self._at, frames, window, self._read_file)

    def _read_file(self, file: Frame, bands: list[int], window: Tile) -> np.ndarray:
        try:
            path = self.source.path(self._variable, *file)
            with open_raster(path) as data:
                for cols in self.grid.pieces(window):
                    part = Tile(window.row0, window.row1, cols.start, cols.stop)
                    check_blocks(data, path, bands, part, self._whole)
                parts = [
                    _read_bands(data, bands, window, cols, self.source.entry)
                    for cols in self.grid.pieces(window)
                ]
        except _FAILURES as error:
            raise damaged(self.source, self.source.shown(self._variable, *file), error, window) from error
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


@ensure_env
def open_raster(path: Path) -> DatasetReader:
    """Open a file in one of the formats that hold their own values; `rasterio.open` takes one driver or all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the header check says it better
        return DatasetReader(str(path), driver=list(formats.RASTER))


def _packing(data, band: int, entry) -> tuple[float, float]:
    scale = data.scales[band - 1] if entry.scale is None else entry.scale
    offset = data.offsets[band - 1] if entry.offset is None else entry.offset
    return float(scale), float(offset)


def _read_bands(data, bands: list[int], window: Tile, cols: slice, entry) -> np.ndarray:
    part = Window(cols.start, window.row0, cols.stop - cols.start, window.shape[0])
    flags = {flag for band in bands for flag in data.mask_flag_enums[band - 1]}
    if flags <= {MaskFlags.nodata, MaskFlags.all_valid}:
        stored, missing = data.read(bands, window=part), None
    else:  # a mask of its own, or an alpha band
        masked = data.read(bands, window=part, masked=True)
        stored, missing = masked.data, np.ma.getmaskarray(masked)
    values = stored.astype(float)
    if missing is not None:
        values[missing] = np.nan
    for position, band in enumerate(bands):
        for code in {data.nodatavals[band - 1], entry.nodata} - {None}:
            values[position][stored[position] == _as_stored(code, stored.dtype)] = np.nan
        scale, offset = _packing(data, band, entry)
        if (scale, offset) != (1.0, 0.0):
            values[position] *= scale
            values[position] += offset
    return values


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
    if "month" in fields or (time == "annual" and "year" in fields):
        return {(year, month): ((year, month), only) for year, month in frames}
    if "year" in fields:
        return {(year, month): ((year, None), month) for year, month in frames}
    return {frame: (STATIC, band) for band, frame in enumerate(frames, start=1)}
