"""From the store to what people take away: GeoTIFFs of every model, the animation, first and last year.

The store is read once: every map is counted, averaged, reduced for the pictures and written while it is in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.errors import ResourceError
from poml_map.grid import Grid
from poml_map.mapping import read_years
from poml_map.pipeline.areas import AreaMeans
from poml_map.pipeline.changes import write_changes
from poml_map.pipeline.checks import fill_text
from poml_map.pipeline.intervals import Intervals
from poml_map.pipeline.report import Notes
from poml_map.products import (
    PanelRow,
    SmallMap,
    draw_comparison,
    nice_limits,
    panel_row,
    small_map,
    weighted_mean,
    write_gif,
    write_map,
    write_years,
)
from poml_map.units import STOCK_LABELS, stock_factor

# A chunk of the store holds all years of a tile and is unpacked as a whole, so as many years are read at once as fit
# in this; those that were read before are being written meanwhile. [bytes]
_AT_ONCE = 128 * 2**20

# Values of a map that have a say in the colour scale.
_OF_A_MAP = 2**16


def _always(write: Callable) -> Callable:
    return write


def write_products(
    region: Region,
    cube: Cube,
    store: Path,
    folder: Path,
    wanted: range,
    notes: Notes,
    digest,
    mapped: int,
    intervals: Intervals | None = None,
    once: Callable[[Callable], Callable] = _always,
) -> Published:
    """Write `maps/`, `SOCS_POML.gif` and `first_and_last_year.png` into `folder`.

    Pools and CO2 of the process model are among the maps if the region asks for them.

    Parameters
    ----------
    region : Region
    cube : Cube
    store : Path
        Finished store.
    folder : Path
    wanted : range
        Years of which maps are written.
    notes : Notes
        What stands on every product.
    digest : str
        Of all inputs.
    mapped : int
        Pixels that every map of the models has.
    intervals : Intervals, optional
        If the store has them.
    once : callable
        Makes of `write_map` a function that leaves out the files that are there already.

    Returns
    -------
    Published

    Raises
    ------
    ResourceError
        If a file cannot be written, or the store lost pixels.
    """
    settings, grid = region.settings, cube.grid
    (folder / "maps").mkdir(exist_ok=True)
    write_one = once(write_map)
    tags = {"INPUT_DIGEST": digest, "REGION": settings.name, **notes.tags}
    tags |= {f"FILLED_{fill['column'].upper()}": fill_text(fill) for fill in cube.fills}
    about = {"depth_cm": settings.depth_cm, "tags": tags, "month": settings.sampling_month}
    write = partial(write_years, folder / "maps", grid=grid, unit=settings.units, write=write_one, **about)
    title = f"{settings.title or settings.name}: soil organic carbon stock, 0-{settings.depth_cm:g} cm"
    looks = {"grid": grid, "unit": settings.units, "title": title, "notes": notes.lines}
    looks["outlines"] = cube.outlines()
    ends = (wanted[0], wanted[-1])
    seen = {model: _Seen(grid, ends, is_animated=model == "POML") for model in schema.MODELS}
    areas = None
    with _Meanwhile() as meanwhile:
        layers = () if intervals is None else intervals.maps.layers
        for layer, known in _layers(region, wanted, layers):
            for years, maps in _bands(store, layer, region, grid, known):
                if layer in seen:
                    seen[layer].look_at(years, maps, mapped, store)
                    areas = AreaMeans.of(cube, np.isfinite(maps[0])) if areas is None else areas
                    for year, values in zip(years, maps, strict=True):
                        areas.look_at(layer, year, values)
                told = tags | intervals.tags if layer in layers else tags
                meanwhile.do(partial(_write_wanted, partial(write, tags=told), maps, years, wanted, layer))
                del maps  # gone as soon as they are written
            if layer in seen:
                seen[layer].close()
        changes = None if intervals is None else intervals.changes
        meanwhile.do(
            partial(write_changes, region, store, folder / "maps", grid, wanted, about, changes, write_one)
        )
        chosen = seen["POML"].frames[wanted[0] - region.years[0] :][: len(wanted)]
        # One scale for GIF, picture and report page: that of all models and years.
        looks["limits"] = nice_limits(
            np.concatenate([part for each in seen.values() for part in each.stocks])
        )
        of_model = f"POML: {schema.MODELS['POML']}"
        write_gif(chosen, list(wanted), folder / "SOCS_POML.gif", subtitle=of_model, **looks)
        rows = {model: each.row for model, each in seen.items()}
        labels = [str(year) for year in dict.fromkeys(ends)]
        picture = folder / "first_and_last_year.png"
        draw_comparison(rows, labels, picture, change=len(labels) > 1, **looks)
        change = meanwhile.result()
    means = {model: np.array(each.means) for model, each in seen.items()}
    means = {"unit": STOCK_LABELS[settings.units], "year": list(region.years), "models": means}
    return Published(means, change, areas)


@dataclass(frozen=True)
class Published:
    """What was seen of the maps while they were written.

    Attributes
    ----------
    means : dict
        Of the region by model and year, in the region's unit, for manifest and report.
    change : dict
        See `write_changes`.
    areas : AreaMeans
        In the region's unit.
    """

    means: dict
    change: dict
    areas: AreaMeans


class _Meanwhile:
    """One job at a time beside what goes on here; its error is raised at the next one or at the end."""

    def __enter__(self):
        self._pool, self._job = ThreadPoolExecutor(1), None
        return self

    def do(self, job: Callable) -> None:
        """Begin a job when the one before has ended."""
        self.result()
        self._job = self._pool.submit(job)

    def result(self):
        """What the last job gave; None where there was none."""
        return None if self._job is None else self._job.result()

    def __exit__(self, *error) -> None:
        self._pool.shutdown()
        if error[0] is None and self._job is not None:
            self._job.result()


@dataclass
class _Seen:
    """What is kept of the maps of one model: means, stocks for a scale, first and last year, frames if it has any."""

    grid: Grid
    ends: tuple[int, int]
    is_animated: bool
    means: list[float] = field(default_factory=list)
    frames: list[SmallMap] = field(default_factory=list)
    stocks: list[np.ndarray] = field(default_factory=list)
    row: PanelRow | None = None
    _ends: list[np.ndarray] = field(default_factory=list)

    def look_at(self, years: range, maps: np.ndarray, mapped: int, store: Path) -> None:
        """Take the next years, shape (years, y, x).

        Raises
        ------
        ResourceError
            If a map has not the pixels that were written.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = set(pool.map(lambda values: int(np.isfinite(values).sum()), maps))
            self.means += pool.map(lambda values: weighted_mean(values, self.grid), maps)
            if self.is_animated:
                self.frames += pool.map(lambda values: small_map(values, self.grid), maps)
        if counts != {mapped}:
            message = f"{store}: {sorted(counts)} pixels with a value, {mapped} were written. "
            raise ResourceError(message + "Something else changed the folder, or the disk fails: run again.")
        wanted = (values for year, values in zip(years, maps, strict=True) if year in self._wanted)
        self.stocks += [_some(values) for values in wanted]
        # Copies: a view would keep all years in memory.
        self._ends += [maps[years.index(year)].copy() for year in sorted(set(self.ends)) if year in years]

    @property
    def _wanted(self) -> range:
        return range(self.ends[0], self.ends[1] + 1)

    def close(self) -> None:
        """After the last years."""
        self.row, self._ends = panel_row(self._ends, self.grid), []


def _some(values: np.ndarray) -> np.ndarray:
    """All values of a small map, evenly chosen ones of a large one."""
    known = values[np.isfinite(values)]
    return known[:: 1 + len(known) // _OF_A_MAP].copy()


def _layers(region: Region, wanted: range, intervals: Sequence[str]) -> Iterator[tuple[str, range]]:
    """Layers of the store and the years of each that are looked at: of the models all, for the means."""
    for model in schema.MODELS:
        yield model, region.years
    for layer in intervals:
        yield layer, wanted
    for kind in region.settings.rothc.map_outputs:
        for name in schema.PROCESS_MAPS[kind]:
            # Nothing is known of the carbon respired in the twelve months before the first stock.
            yield name, wanted[1:] if kind == "co2" and wanted[0] == region.years[0] else wanted


def years_at_once(grid: Grid, years: range) -> Iterator[range]:
    """Years in order, as many at a time as maps of a layer may be in memory.

    Examples
    --------
    >>> list(years_at_once(Grid("", (1, 0, 0, 0, -1, 0), 4096, 4096), range(1980, 1983)))
    [range(1980, 1982), range(1982, 1983)]
    """
    count = max(_AT_ONCE // (4 * grid.width * grid.height), 1)
    for start in range(0, len(years), count):
        yield years[start : start + count]


def _bands(
    store: Path, layer: str, region: Region, grid: Grid, years: range
) -> Iterator[tuple[range, np.ndarray]]:
    """Years that are read at once, and their maps in the unit of the region, shape (years, y, x)."""
    for part in years_at_once(grid, years):
        maps = read_years(store, layer, slice(part[0] - region.years[0], part[-1] + 1 - region.years[0]))
        maps *= np.float32(stock_factor(region.settings.units))
        yield part, maps
        del maps


def _write_wanted(write, maps: np.ndarray, years: range, wanted: range, layer: str) -> None:
    places = [place for place, year in enumerate(years) if year in wanted]
    if places:
        write(maps[places[0] : places[-1] + 1], [years[place] for place in places], model=layer)
