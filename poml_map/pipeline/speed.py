"""How fast this machine is: two seconds of the work of a run, on made-up arrays."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import joblib
import numpy as np

from poml_map.grid import Grid
from poml_map.hybrid import PomlForest
from poml_map.mapping import in_threads, threads_to_start
from poml_map.rothc import Options, prepare, run_drivers

log = logging.getLogger(__name__)

#: Rows that the measured forest learns from; what it costs to map another one depends on this.
ROWS = 4200
_FEW_ROWS = 420
_COVARIATES, _YEARS = 12, 21
_TREES_A_CORE, _SIDE, _CELL = 16, 96, 24
_PIXELS = 1024  # as many as `mapping.process` runs at once
_MAP_SIDE = 768
_RECORDS = 3000

# Everything is done so often, or until so many seconds are over, and the best pass counts.
_PASSES, _LONG_ENOUGH = 4, 0.4


@dataclass(frozen=True)
class Speed:
    """Seconds of pieces of a run, each measured with as many threads at work as it has in a run.

    Attributes
    ----------
    row : float
        To grow a tree, all cores at work, for each of its rows and each doubling of their number. [s]
    tree : float
        To grow a tree, all cores at work, however few rows it has. [s]
    walk : float
        In one thread, for a tree of `ROWS` rows to find mean and deviation of a pixel and year. [s]
    month : float
        In one thread, for a pixel and month of RothC. [s]
    value : float
        To compress, write and check a pixel of a map, all cores at work. [s]
    python : float
        Of what Python does by itself, over what it took on the machine of docs/performance.md. [1]
    """

    row: float
    tree: float
    walk: float
    month: float
    value: float
    python: float


def measure_speed() -> Speed:
    """Do a little of everything and look at the clock.

    About two seconds. The first call after an installation compiles before that, which is told in the log and not
    counted. Nothing is read; one small map is written to the folder for temporary files, and removed.

    Returns
    -------
    Speed
        As if the machine were left to the run: processor time is measured, and the clock only where the disk has its
        part. What else is at work now may be over soon.
    """
    log.info("measuring the speed of this machine ...")
    threads, random = threads_to_start(None), np.random.default_rng(0)
    row, tree, forest = _growing(random)
    pixel_years = _SIDE * _SIDE * _YEARS
    return Speed(
        row,
        tree,
        walk=_in_threads(_mapping(forest, random), threads) / (pixel_years * forest.n_trees),
        month=_in_threads(_process(random), threads) / (_PIXELS * 12 * _YEARS),
        value=_writing(random),
        python=_seconds(_plain_python) / PLAIN_SECONDS,
    )


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Of one pass, once it has been done: the first one loads and compiles."""
    work()
    each, until = [], time.perf_counter() + _LONG_ENOUGH
    while len(each) < _PASSES and (not each or time.perf_counter() < until):
        began = clock()
        work()
        each.append(clock() - began)
    return min(each)


def _in_threads(work: Callable[[], object], threads: int) -> float:
    """Of one pass in one thread while all are at it."""
    return _seconds(lambda: in_threads(lambda _: work(), range(threads), threads)) / threads


def _growing(random) -> tuple[float, float, PomlForest]:
    """Seconds of a tree for each row and doubling, and of any tree; and the larger of the two forests."""
    cores = joblib.cpu_count()
    trees = _TREES_A_CORE * cores
    forests, each = [], []
    for rows in (_FEW_ROWS, ROWS):
        X = random.normal(size=(rows, _COVARIATES)).astype("float32")
        # Years of a site are alike: half of the covariates are the same in all of them.
        X[:, ::2] = np.repeat(X[::_YEARS, ::2], _YEARS, axis=0)
        y = 4 + 0.5 * X[:, 0] + 0.2 * X[:, 1] + 0.1 * random.normal(size=rows)
        forests.append(PomlForest(n_trees=trees, n_jobs=-1))
        each.append(_seconds(partial(forests[-1].fit, X, y)) / trees)
    levels = [doublings(rows) for rows in (_FEW_ROWS, ROWS)]
    row = (each[1] - each[0]) / (levels[1] - levels[0])
    # Should the few rows have taken longer than the many, all of it is put down to the rows.
    row = row if 0 < row * levels[1] < each[1] else each[1] / levels[1]
    # Cores share the rows; around them Python works, one thread at a time.
    return row / cores, each[1] - row * levels[1], forests[1]


def doublings(rows: float) -> float:
    """Rows, times how often they can be halved: what a tree of them takes.

    Examples
    --------
    >>> doublings(8)
    24.0
    """
    return float(rows * np.log2(np.maximum(rows, 2)))


def _mapping(forest: PomlForest, random) -> Callable[[], object]:
    from scipy.ndimage import zoom

    from poml_map.hybrid.boxes import compile_forest

    def field() -> np.ndarray:
        cells = random.normal(size=(_SIDE // _CELL + 1,) * 2)
        return zoom(cells, _SIDE / len(cells), order=1).astype("float32")

    covariates = []
    for number in range(_COVARIATES):
        base = field()
        annual = [base + 0.3 * field() for _ in range(_YEARS)] if number % 2 else base
        covariates.append(np.array(annual, "float32"))
    usable = np.ones((_SIDE, _SIDE), bool)
    return partial(compile_forest(forest).predict_maps, covariates, usable, tree_sd=True)


def _process(random) -> Callable[[], object]:
    season = np.sin((np.arange(12) - 3) * np.pi / 6)[:, np.newaxis]
    level = {"air_temp": (16, 12), "precip": (75, 50), "pet": (75, 55), "ndvi": (0.4, 0.2)}
    year = {name: mean + swing * season for name, (mean, swing) in level.items()}
    year = {name: values + 0.01 * random.random((12, _PIXELS)) for name, values in year.items()}
    run = {name: np.tile(values, (_YEARS, 1)) for name, values in year.items()}
    clay, driver, stock = np.full(_PIXELS, 20.0), np.ones((_YEARS, 1)), np.full(_PIXELS, 4.0)

    def work() -> None:
        run_drivers(prepare(run, year, clay, driver, Options()), stock, 1.5, 0.05)

    return work


def _writing(random) -> float:
    from poml_map.products import write_years  # products load matplotlib

    workers = min(os.cpu_count() or 1, 4)  # as many as `write_years` starts by itself
    rows, cols = np.indices((_MAP_SIDE, _MAP_SIDE))
    values = (4 + np.sin(rows / 50) + 0.3 * random.random(rows.shape)).astype("float32")
    values[np.hypot(rows, cols) > 0.8 * _MAP_SIDE] = np.nan
    grid = Grid("EPSG:32651", (90.0, 0.0, 2e5, 0.0, -90.0, 3.4e6), _MAP_SIDE, _MAP_SIDE)
    about = {"model": "POML", "unit": "kg/m2", "depth_cm": 20, "workers": workers}
    with tempfile.TemporaryDirectory() as folder:
        maps, years = [values] * workers, range(2000, 2000 + workers)
        seconds = _seconds(partial(write_years, Path(folder), maps, years, grid, **about), time.perf_counter)
    return seconds / (workers * values.size)


def _plain_python() -> None:
    records = [{"site": str(number), "values": [number / 7, number % 11]} for number in range(_RECORDS)]
    for _ in range(3):
        json.loads(json.dumps(sorted(records, key=lambda record: record["values"][1]), indent=1))


#: What `_plain_python` took on the machine of docs/performance.md. [s]
PLAIN_SECONDS = 0.042

#: Speed of that machine: 2 cores of 2.5 GHz.
REFERENCE = Speed(row=66e-9, tree=1.1e-3, walk=8.2e-9, month=33e-9, value=55e-9, python=1.0)
