"""What a run will take: time, memory and disk, from headers, the sample table and the speed of the machine.

The work of a run is counted: trees and the rows that they learn from, fits of RothC, pixels and years to map, values to
write. Its seconds are counts times what `measure_speed` found for a piece of such work; constants below say how many
pieces it is, and were found by taking real runs of the demo apart (docs/performance.md).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.mapping import TILE_SIZE, threads_to_start
from poml_map.pipeline.progress import duration
from poml_map.pipeline.speed import REFERENCE, ROWS, Speed, doublings, measure_speed
from poml_map.pipeline.workload import Work
from poml_map.sites import Samples

MIB = 2**20

# Seconds of what is the same for every region: loading the program, opening, pictures, tables, page; and of filling the
# pits of the DEM for each pixel of the grid, and of saving the forests for each node. On the machine of `REFERENCE`.
_FIXED, _PER_GRID_PIXEL, _PER_NODE = 14.0, 1.3e-6, 0.65e-6
# Fitting mu_max and K_m runs the sites so often, with the profile of its ridge; the draws share what the weather gives.
_RUNS_OF_A_FIT, _RUN_OF_A_DRAW = 300, 0.8
# The fit of all sites goes with what the choices of RothC change.
_FITS_OF_ALL = 2
# Real covariates are smoother than the made-up ones, and larger trees take longer by this power of their rows.
_SMOOTHER, _POWER = 0.55, 0.7
# Reading, resampling and storing a pixel's months take nearly three times as long as RothC.
_MONTHS = 3.8
# A value is written to a GeoTIFF, checked, averaged, reduced for pictures, and read again for page and digest.
_TIMES_WRITTEN = 2.2

_PROGRAM = 640 * MIB  # with the libraries, the samples and the sites
_PICTURES = 200 * MIB  # animation, tables and page, and what stays behind of them
_NODE_IN_MEMORY, _NODE_COMPILED, _NODE_ON_DISK = 80, 12, 19.2
_SCRATCH = 25 * MIB  # of RothC in one thread
_SOURCE, _COARSE_SOURCE = 128 * MIB, 16 * MIB  # what is kept of a source at most
_BAND = 128 * MIB  # years of a layer that are read at once, see `pipeline.maps`
_MAPS_OF_A_WRITER, _WHOLE_MAPS = 5, 12
_TERRAIN, _TERRAIN_KEPT = 40, 12  # for a pixel while the pits are filled, and afterwards

_IN_STORE, _IN_GEOTIFF = 3.8, 4.6  # for a value, compressed; of a GeoTIFF with its overviews
_FILE = 4096  # header and tags of a GeoTIFF, and the end of its last block on disk
_TABLES, _LARGEST_PAGE = 8 * MIB, 12 * MIB  # with pictures, animation, project and catalog
_ROW_ON_DISK = 200  # of the tables of sites and training rows


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes
    ----------
    seconds : float
        By the clock. [s]
    memory_bytes : int
        At the peak, the program itself included.
    disk_bytes : int
        Of the finished run folder. While a run replaces an older one, both are there.
    """

    seconds: float
    memory_bytes: int
    disk_bytes: int

    def __str__(self) -> str:
        """For people.

        Examples
        --------
        >>> str(Estimate(70, 1300 * MIB, 80 * MIB))
        'about 1 min 10 s, 1.3 GiB of memory, 80 MiB of disk'
        """
        memory, disk = size_text(self.memory_bytes), size_text(self.disk_bytes)
        return f"about {duration(self.seconds)}, {memory} of memory, {disk} of disk"


def size_text(size: float) -> str:
    """Bytes as people say them.

    Examples
    --------
    >>> size_text(80 * MIB), size_text(1300 * MIB), size_text(250 * 1024 * MIB)
    ('80 MiB', '1.3 GiB', '250 GiB')
    """
    mib = size / MIB
    if mib < 1000:
        return f"{mib:.0f} MiB"
    return f"{mib / 1024:.1f} GiB" if mib < 100 * 1024 else f"{mib / 1024:.0f} GiB"


def estimate(
    region: Region,
    cube: Cube,
    samples: Samples | None,
    speed: Speed = REFERENCE,
    *,
    workers: int | None = None,
    tile_size: int = TILE_SIZE,
    pixels: int | None = None,
) -> Estimate:
    """Time, memory and disk of ``poml-map run``.

    Parameters
    ----------
    region : Region
    cube : Cube
        Its headers alone are asked.
    samples : Samples or None
        None where a model that was trained elsewhere maps the region: nothing is learned then, and its forests are
        taken to be those of the paper's survey.
    speed : Speed
        From `measure_speed`. Memory and disk do not depend on it; the default is the machine of docs/performance.md.
    workers : int, optional
        Threads of the mapping, as `run_region` takes them.
    tile_size : int
    pixels : int, optional
        That will be mapped. Default: all of the area, whatever share of it the mask source keeps, since that would
        have to be read; time and disk are then the most that they can be.

    Returns
    -------
    Estimate
    """
    pixels = cube.pixels_in_area if pixels is None else pixels
    work = Work(region, samples, pixels, cube.grid.width * cube.grid.height)
    threads = threads_to_start(workers)
    return Estimate(float(_seconds(work, speed, threads)), _memory(work, threads, tile_size), _disk(work))


def estimate_lines(
    region: Region,
    cube: Cube,
    samples: Samples | None,
    *,
    pixels: int | None = None,
    folder: str | Path = ".",
) -> list[str]:
    """What `poml-map check` says of it, with a warning where the disk of `folder` has less free."""
    found = estimate(region, cube, samples, measure_speed(), pixels=pixels)
    cores = joblib.cpu_count()
    machine = f"on this machine ({cores} core{'s' if cores > 1 else ''})"
    time, rest = str(found).split(",", 1)
    lines = [f"  estimate  {time} {machine},{rest}"]
    if pixels is None and region.settings.area.mask is not None:
        lines.append("            if the mask keeps all pixels of the area; --deep counts them")
    free = shutil.disk_usage(folder).free
    if free < found.disk_bytes:
        lines.append(
            f"  warning   the disk of this folder has {size_text(free)} free: choose another by --out"
        )
    return lines


def _seconds(work: Work, speed: Speed, threads: int) -> float:
    fixed = _FIXED + _PER_GRID_PIXEL * work.grid_pixels + _PER_NODE * work.nodes
    written = work.maps * work.grid_pixels * _TIMES_WRITTEN * speed.value
    at_once = min(threads, joblib.cpu_count())
    return fixed * speed.python + _learning(work, speed) + _mapping(work, speed) / at_once + written


def _learning(work: Work, speed: Speed) -> float:
    if work.samples is None:
        return 0.0
    hybrid, columns = work.region.settings.hybrid, len(work.region.settings.covariates)
    looked_at = {"sqrt": np.sqrt(columns), "log2": np.log2(columns), "all": columns}[hybrid.max_features]
    share = max(int(looked_at), 1) / 3  # `measure_speed` looks at 3 covariates at each node
    # A tree with large leaves ends so many levels earlier.
    levels = [
        (doublings(rows) - rows * np.log2(hybrid.min_samples_leaf), times) for rows, times in work.forests()
    ]
    growing = sum(
        times * work.trees * (speed.tree + speed.row * share * max(level, 0.0)) for level, times in levels
    )
    run = work.sites * 12 * work.years * speed.month
    folds = work.folds + work.further_folds
    fits = (folds + _FITS_OF_ALL) * _RUNS_OF_A_FIT if work.is_fitted else 0
    intervals = work.region.settings.intervals
    draws = 0 if intervals is None else intervals.draws * (folds + 1) * _RUN_OF_A_DRAW
    return growing + run * (fits + draws)


def _mapping(work: Work, speed: Speed) -> float:
    """Of one thread alone."""
    forests = sum((rows / ROWS) ** _POWER for rows in (work.rows_of_poml, work.rows_of_ml))
    walks = work.trees * work.years * _SMOOTHER * forests
    return work.pixels * (walks * speed.walk + work.months * _MONTHS * speed.month)


def _memory(work: Work, threads: int, tile_size: int) -> int:
    """The largest of what the stages need, one after the other."""
    forests, cores = work.nodes * _NODE_IN_MEMORY, os.cpu_count() or 1
    one_map = 4 * work.grid_pixels
    layer = min(one_map * work.years, max(_BAND, one_map))
    written = 2 * layer + (min(cores, 4) * _MAPS_OF_A_WRITER + _WHOLE_MAPS) * one_map
    tile = min(tile_size**2, work.grid_pixels) * _bytes_of_a_pixel(work) + _SCRATCH
    terrain = bool({"SLP", "SPI"} & set(work.region.settings.covariates)) * work.grid_pixels
    compiled = work.nodes * _NODE_COMPILED
    in_threads = threads * (tile + compiled) + compiled
    return round(
        _PROGRAM
        + max(
            terrain * _TERRAIN,
            forests + in_threads + _kept(work) + terrain * _TERRAIN_KEPT,
            forests + _PICTURES + written,
            2 * forests + _PICTURES,  # saving them; while they grow, one of a fold that is done and the next
        )
    )


def _bytes_of_a_pixel(work: Work) -> int:
    """Of a tile in work, all float32: drivers by month; covariates as read and as the forest takes them; maps."""
    drivers = len(schema.MONTHLY) * work.months
    covariates = 2 * len(work.region.settings.covariates) * work.years
    return 4 * (drivers + covariates + work.maps)


def _kept(work: Work) -> int:
    """Blocks of the sources that stay in memory: all of a small one, at most so much of a large one."""
    steps = {"static": 1, "annual": work.years, "monthly": 12 * work.years}
    entries = [source.entry for source in work.region.sources.values()]
    sizes = (
        4 * work.grid_pixels * steps[entry.steps_in_time] for entry in entries if entry.driver == "raster"
    )
    coarse = sum(entry.driver == "netcdf" for entry in entries)
    return sum(min(size, _SOURCE) for size in sizes) + coarse * _COARSE_SOURCE


def _disk(work: Work) -> int:
    values = work.pixels * work.maps
    files = work.maps * _FILE + values * _IN_GEOTIFF
    page = min(values / 2, _LARGEST_PAGE)
    tables = _TABLES + _ROW_ON_DISK * (work.rows_of_poml + work.sites * work.years)
    return round(files + values * _IN_STORE + work.nodes * _NODE_ON_DISK + page + tables)
