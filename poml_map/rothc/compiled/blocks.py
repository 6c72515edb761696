"""The compiled engine of `forward.run_drivers`: all pixels, a block at a time, in as many threads as wanted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from poml_map.compiling import announced

from .. import params
from ..drivers import Course
from ..engine import partition
from ..flat import NO_INDEX, FlatDrivers
from ..moisture import deficit_limit
from ..rates import temperature_modifier
from ..spinup import StartState, refuse_frozen, start_from
from .cycle import equilibrium
from .decay import Soil
from .march import Inputs, Record, march
from .water import rates, settle

PIXELS_AT_ONCE = 2048
"""Enough that Python's part is small, few enough that the rates of a block stay in the cache."""

COMPILE_SECONDS = 15


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
        start = engine.spin_up()
        return engine.run_on(start, keep)


class _Engine:
    """Soil, water and threads of one run."""

    def __init__(self, flat: FlatDrivers, workers: int):
        self.flat, self.workers = flat, workers
        share = flat.dpm_rpm / (1.0 + flat.dpm_rpm)
        self.soil = Soil(*partition(flat.clay), share)
        self.limit = deficit_limit(flat.clay, flat.depth_cm)
        self.deficit = np.empty(flat.stock.size)

    def spin_up(self) -> StartState:
        """Pools and plant input in balance with the stock; the water bucket stays behind in `deficit`."""
        flat, sky = self.flat, _Sky(self.flat.spinup, self.flat.cell)
        n = flat.stock.size
        total_rate = np.empty(n)
        plants, manure = np.empty((4, n)), np.zeros((4, n if flat.spinup_manure else 1))
        split = np.stack([self.soil.dpm_share, 1.0 - self.soil.dpm_share, np.zeros(n)])
        manure_split = np.array(params.MANURE_SPLIT)[[0, 1, 3], np.newaxis]

        def block(pixels):
            soil, size = _part(self.soil, pixels), len(self.limit[pixels])
            warmth, surplus, cell = sky.block(pixels)
            cover, factor = flat.spinup["cover"].block(pixels), flat.spinup["rate_factor"].block(pixels)
            settle(surplus, cell, cover, self.limit[pixels], self.deficit[pixels])
            rate, pools = np.empty((len(cover), size)), np.empty((4, size))
            rates(warmth, surplus, cell, cover, factor, self.limit[pixels], self.deficit[pixels], rate)
            total_rate[pixels] = rate.sum(axis=0)
            equilibrium(rate, flat.shares.block(pixels), split[:, pixels].copy(), soil, pools)
            plants[:, pixels] = pools
            if flat.spinup_manure:
                carbon, shares = flat.spinup_manure.block(pixels), np.repeat(manure_split, size, axis=1)
                equilibrium(rate, carbon, shares, soil, pools)
                manure[:, pixels] = pools

        self._each(block)
        refuse_frozen(total_rate)
        return start_from((plants, manure), flat.stock, flat.clay, pools=flat.pools)

    def run_on(self, start: StartState, keep) -> Course:
        """The months after t1."""
        flat, sky = self.flat, _Sky(self.flat.run, self.flat.cell)
        n, years = flat.stock.size, flat.years
        kept_years = years + 1 if "pools" in keep else 0
        stock, added, respired = np.empty((years + 1, n)), np.empty(n), np.empty(n)
        pools = np.empty((kept_years, 5, n))
        pools[:, 4] = start.iom
        yearly = np.empty((years if "respired" in keep else 0, n))

        def block(pixels):
            size = len(self.limit[pixels])
            warmth, surplus, cell = sky.block(pixels)
            cover, factor = flat.run["cover"].block(pixels), flat.run["rate_factor"].block(pixels)
            rate = np.empty((len(cover), size))
            rates(warmth, surplus, cell, cover, factor, self.limit[pixels], self.deficit[pixels], rate)
            manure = flat.manure.block(pixels) if flat.manure else np.empty((0, 0))
            relative = flat.relative.block(slice(None) if flat.zone.size else pixels)
            inputs = Inputs(relative, _index(flat.zone, pixels), start.annual_input[pixels], manure)
            record = Record(
                np.empty((years + 1, size)),
                added[pixels],
                respired[pixels],
                np.empty((kept_years, 4, size)),
                np.empty((len(yearly), size)),
            )
            first, soil = start.pools[:, pixels].copy(), _part(self.soil, pixels)
            march(first, rate, inputs, soil, flat.mu_max[pixels], flat.k_m[pixels], record)
            stock[:, pixels] = record.stock + start.iom[pixels]
            pools[:, :4, pixels] = record.pools
            yearly[:, pixels] = record.yearly_respired

        self._each(block)
        return Course(
            stock,
            start.annual_input,
            added,
            respired,
            pools if "pools" in keep else None,
            yearly if "respired" in keep else None,
        )

    def _each(self, block):
        """Call `block` with every slice of pixels."""
        firsts = range(0, self.flat.stock.size, PIXELS_AT_ONCE)
        slices = [slice(first, first + PIXELS_AT_ONCE) for first in firsts]
        if self.workers == 1:
            for pixels in slices:
                block(pixels)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            for _ in pool.map(block, slices):  # the first refusal cancels the blocks that wait
                pass


class _Sky:
    """Temperature modifier, and rain less evaporation: once for all cells, or by block where pixels have their own."""

    def __init__(self, weather, cell):
        self.weather, self.cell = weather, cell
        own = not cell.size and any(
            weather[name].values.shape[1] > 1 for name in ("air_temp", "precip", "evaporation")
        )
        self.shared = None if own else self._derive(slice(None))

    def block(self, pixels):
        """Modifier [-] and surplus [mm] (months, k), and the column of each pixel."""
        return (*(self.shared or self._derive(pixels)), _index(self.cell, pixels))

    def _derive(self, pixels):
        air_temp, precip, evaporation = (
            self.weather[name].block(pixels) for name in ("air_temp", "precip", "evaporation")
        )
        return temperature_modifier(air_temp), precip - evaporation


def _index(index, pixels):
    return index[pixels] if index.size else NO_INDEX


def _part(soil, pixels):
    return Soil(*(values[pixels] for values in soil))
