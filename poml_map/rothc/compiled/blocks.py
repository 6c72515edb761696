"""The compiled engine of `forward.run_drivers`: all pixels, a part at a time, in as many threads as wanted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np

from poml_map.compiling import announced

from .. import params
from ..drivers import Course
from ..engine import partition
from ..flat import NO_INDEX, FlatDrivers, room
from ..moisture import deficit_limit
from ..spinup import StartState, refuse_frozen, start_from
from .columns import BLOCK
from .cycle import equilibrium
from .decay import Soil
from .march import Months, Record, Site, march
from .water import spinup_rates, to_temperature_modifier

PIXEL_MONTHS = 2**17
"""Size of a part: large enough that Python's share is small, small enough that all its months stay in the cache."""

COMPILE_SECONDS = 15
_NONE = np.empty((0, 0))


def run_blocks(flat: FlatDrivers, keep, workers: int) -> Course:
    """`forward.run_drivers` compiled.

    Parameters
    ----------
    flat : FlatDrivers
    keep : sequence of {"pools", "respired"}
    workers : int
        Threads.

    Returns
    -------
    Course
        Of flat pixels.

    Raises
    ------
    ValueError
        As `forward.run_drivers`.
    """
    with announced("RothC", COMPILE_SECONDS):
        engine = _Engine(flat, workers)
        return engine.run_on(engine.spin_up(), keep)


class _Engine:
    """Soil, water and threads of one run."""

    def __init__(self, flat: FlatDrivers, workers: int):
        self.flat, self.workers, self.n = flat, workers, flat.stock.size
        self.soil = Soil(*partition(flat.clay), flat.dpm_rpm / (1.0 + flat.dpm_rpm))
        self.limit = deficit_limit(flat.clay, flat.depth_cm)
        self.deficit = np.empty(self.n)
        self._desks = threading.local()

    @property
    def desk(self) -> dict:
        """Room of the thread that asks."""
        return self._desks.__dict__

    def spin_up(self) -> StartState:
        """Pools and plant input in balance with the stock; the bucket is left in `deficit`."""
        flat, sky = self.flat, _Sky(self.flat.spinup, self.flat.cell)
        total_rate, of_plants = np.empty(self.n), np.empty((4, self.n))
        of_manure = np.zeros((4, self.n if flat.spinup_manure else 1))
        manure_split = np.array(params.MANURE_SPLIT)[[0, 1, 3]]

        def part(pixels):
            soil, limit = Soil(*(values[pixels] for values in self.soil)), self.limit[pixels]
            warmth, _, surplus = sky.of(pixels, self.desk)
            factor = sky.factor_of(pixels, limit.size, self.desk)
            cover = _for_each(flat.spinup["cover"].block(pixels, self.desk), limit.size)
            rate = room(self.desk, "rate", cover.shape)
            spinup_rates(warmth, surplus, _index(flat.cell, pixels), cover, limit, self.deficit[pixels], rate)
            if factor.size:
                rate *= factor
            total_rate[pixels] = rate.sum(axis=0)
            shares = flat.shares.block(pixels, self.desk)
            split = np.stack([soil.dpm_share, 1.0 - soil.dpm_share, np.zeros(limit.size)])
            of_plants[:, pixels] = equilibrium(rate, shares, split, soil)
            if flat.spinup_manure:
                carbon = flat.spinup_manure.block(pixels, self.desk)
                split = np.repeat(manure_split[:, np.newaxis], limit.size, axis=1)
                of_manure[:, pixels] = equilibrium(rate, carbon, split, soil)

        self._each(part, len(flat.spinup["cover"]))
        refuse_frozen(total_rate)
        return start_from((of_plants, of_manure), flat.stock, flat.clay, pools=flat.pools)

    def run_on(self, start: StartState, keep) -> Course:
        """The months after t1."""
        flat, sky = self.flat, _Sky(self.flat.run, self.flat.cell)
        pools = np.concatenate([start.pools, start.iom[np.newaxis]])
        law = flat.mu_max, flat.k_m
        site = Site(self.limit, self.deficit, *self.soil, *law, start.annual_input, pools)
        kept = {word: flat.years if word in keep else -1 for word in ("pools", "respired")}
        record = Record(
            stock=np.empty((flat.years + 1, self.n)),
            respired=np.empty(self.n),
            pools=np.empty((kept["pools"] + 1, 5, self.n)),
            yearly_respired=np.empty((max(kept["respired"], 0), self.n)),
        )
        added = np.empty(self.n)
        of_zones = flat.relative.block(slice(None), {}) if flat.zone.size else None

        def part(pixels):
            size = len(self.limit[pixels])
            warmth, peak, surplus = sky.of(pixels, self.desk)
            factor = sky.factor_of(pixels, size, self.desk)
            months = Months(
                warmth=warmth,
                peak=peak * np.fmax.reduce(factor, axis=1) if factor.size else peak,
                surplus=surplus,
                cell=_index(flat.cell, pixels),
                cover=_for_each(flat.run["cover"].block(pixels, self.desk), size),
                factor=factor,
                relative=flat.relative.block(pixels, self.desk) if of_zones is None else of_zones,
                zone=_index(flat.zone, pixels),
                manure=flat.manure.block(pixels, self.desk) if flat.manure else _NONE,
            )
            march(pixels.start, size, months, site, record)
            relative = _sum(months.relative)
            relative = relative[months.zone] if months.zone.size else relative
            added[pixels] = relative * start.annual_input[pixels]
            if flat.manure:
                added[pixels] += _sum(months.manure)

        self._each(part, len(flat.relative))
        return Course(
            record.stock,
            start.annual_input,
            added,
            record.respired,
            record.pools if "pools" in keep else None,
            record.yearly_respired if "respired" in keep else None,
        )

    def _each(self, part, months):
        """Call `part` with every slice of pixels that have so many months."""
        size = max(PIXEL_MONTHS // max(months, 1) // BLOCK, 1) * BLOCK
        slices = [slice(first, first + size) for first in range(0, self.n, size)]
        if self.workers == 1:
            for pixels in slices:
                part(pixels)
            return
        with ThreadPoolExecutor(self.workers) as threads:
            for _ in threads.map(part, slices):  # the first refusal cancels the parts that wait
                pass


class _Sky:
    """Temperature modifier and rain less evaporation: once for all cells, or part by part where pixels have their own.

    A factor on rates stays apart, also where one column stands for all: a pixel must not come out otherwise because it
    is the only one.
    """

    def __init__(self, weather, cell):
        self.factor = weather["rate_factor"]
        self.has_factor = not (self.factor.is_shared and (self.factor.values == 1.0).all())
        self.series = [weather[name] for name in ("air_temp", "precip", "evaporation")]
        is_by_cell = cell.size > 0 or all(series.is_shared for series in self.series)
        self.of_cells = self._derive(slice(None), {}) if is_by_cell else None

    def of(self, pixels, desk):
        """Modifier [-], its largest value in each month and surplus [mm], see `march.Months`."""
        return self.of_cells or self._derive(pixels, desk)

    def factor_of(self, pixels, size, desk):
        """The further factor (months, size), or (0, 0) where there is none."""
        return _for_each(self.factor.block(pixels, desk), size) if self.has_factor else _NONE

    def _derive(self, pixels, desk):
        warmth, precip, evaporation = (series.block(pixels, desk) for series in self.series)
        to_temperature_modifier(warmth)
        surplus = np.subtract(precip, evaporation, out=precip if precip.shape >= evaporation.shape else None)
        return warmth, np.fmax.reduce(warmth, axis=1), surplus


def _index(index, pixels):
    return index[pixels] if index.size else NO_INDEX


def _sum(months):
    """Sum of the rows from the first on; numpy's own has another order where there is but one column."""
    return reduce(np.add, months, np.zeros(months.shape[1]))


def _for_each(values, size):
    """A column for each pixel, also where one stands for all."""
    return values if values.shape[1] == size else np.repeat(values, size, axis=1)
