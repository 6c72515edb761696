"""Drivers of any site shape as checked columns: what both engines of `forward.run_drivers` start from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import checks, params
from .drivers import Drivers, Weather
from .engine import mu_parameters
from .given import check_columns, column_index
from .spinup import POOL_RULES, shares_of_years

NO_INDEX = np.empty(0, np.uint32)
"""Stands for "each pixel has its own column, or one column is for all"."""

_BY_CELL = ("air_temp", "precip", "evaporation")


def _carbon(name, values):
    return checks.not_negative(name, values, "kg/m2")


def _factor(name, values):
    return checks.not_negative(name, values, "1")


_CHECKS = {
    "air_temp": lambda name, values: checks.celsius(values, name),
    "precip": checks.rain,
    "evaporation": checks.evaporation,
    "cover": checks.fraction,
    "rate_factor": _factor,
}


@dataclass(frozen=True)
class Series:
    """A monthly driver and the check of its values.

    Attributes
    ----------
    name : str
        For refusals.
    values : ndarray, shape (months, columns)
        As the caller holds them, of any type; a column for each pixel, for each cell or zone, or one for all.
    check : callable (name, values) -> ndarray of float64
        Refuses values out of range.
    is_by_value : bool
        Whether the check is about each value alone, so that the smallest and the largest settle it.
    """

    name: str
    values: np.ndarray
    check: Callable
    is_by_value: bool = True

    def __len__(self):
        return len(self.values)

    def whole(self):
        """All values, checked."""
        return self.check(self.name, self.values)

    @property
    def is_shared(self) -> bool:
        """Whether one column stands for all pixels."""
        return self.values.shape[1] == 1

    def block(self, pixels, desk):
        """Values of a slice of columns (the one of a shared series), checked, as the compiled engine wants them.

        Float64 in one piece, a block at a time: a country's months as float64 would not fit in memory.

        Parameters
        ----------
        pixels : slice
        desk : dict
            Room that is used again from block to block of one thread; new room each time costs more than to fill it.
        """
        part = self.values if self.is_shared else self.values[:, pixels]
        block = room(desk, self.name, part.shape)
        np.copyto(block, part)
        try:
            self._check_part(block if part.dtype.itemsize >= block.dtype.itemsize else part)
        except ValueError:
            self.whole()  # refuses by the place in the whole array
            raise
        return block

    def _check_part(self, part):
        if self.is_by_value and part.size:  # `fmin` and `fmax` pass over NaN
            part = [np.fmin.reduce(part, axis=None), np.fmax.reduce(part, axis=None)]
        self.check(self.name, part)


def room(desk, name, shape):
    """A float64 array of `shape` from the desk, which keeps its room from part to part."""
    size = math.prod(shape)
    if name not in desk or desk[name].size < size:
        desk[name] = np.empty(size)
    return desk[name][:size].reshape(shape)


class FlatDrivers:
    """Drivers, stock and parameters of n pixels in a row, whatever shape the caller's sites have.

    Attributes
    ----------
    shape : tuple of int
        The caller's sites; n is its product.
    spinup, run : dict of str -> Series
        The five of `drivers.Weather`.
    shares, relative : Series
        Plant input of the spin-up and of the run.
    spinup_manure, manure : Series, or None
    clay, dpm_rpm, stock, mu_max, k_m : ndarray of float64 (n,)
        Checked.
    depth_cm : float
    cell, zone : ndarray of uint32 (n,), or (0,) without an index
    pools : str

    Raises
    ------
    ValueError
        If shapes or months do not fit together, an index points nowhere, or one of the (n,) arrays is out of range.
    """

    def __init__(self, drivers: Drivers, stock, mu_max, k_m):
        checks.one_of("pools", drivers.pools, POOL_RULES)
        self.pools, self.depth_cm = drivers.pools, checks.topsoil_depth(drivers.depth_cm)
        mu_max, k_m = mu_parameters(mu_max, k_m)
        singles = {
            "clay": checks.percent_clay(drivers.clay),
            "dpm_rpm": _factor("dpm_rpm", drivers.dpm_rpm),
            "stock": checks.numbers("stock", stock),
            "mu_max": mu_max,
            "k_m": k_m,
        }
        cell, zone = column_index("cell", drivers.cell), column_index("zone", drivers.zone)
        indices = {name: index for name, index in (("cell", cell), ("zone", zone)) if index is not None}
        self.shape = checks.common_shape(**{name: each.shape for name, each in (singles | indices).items()})
        self.clay, self.dpm_rpm, self.stock, self.mu_max, self.k_m = (
            np.broadcast_to(each, self.shape).flatten() for each in singles.values()
        )
        self.spinup = self._weather("spinup", drivers.spinup, cell)
        self.run = self._weather("run", drivers.run, cell)
        shares = self._series(
            "spinup_shares", drivers.spinup_shares, lambda _, values: shares_of_years(values)
        )
        self.shares = replace(shares, is_by_value=False)
        self.relative = self._series("relative_input", drivers.relative_input, _factor, zone, "zone")
        self.spinup_manure = self._series("spinup_manure", drivers.spinup_manure, _carbon)
        self.manure = self._series("manure", drivers.manure, _carbon)
        self.cell, self.zone = (self._unsigned(index) for index in (cell, zone))
        self._check_months()

    def _weather(self, which, weather, cell):
        return {
            name: self._series(
                f"{which} {name}", getattr(weather, name), check, cell if name in _BY_CELL else None, "cell"
            )
            for name, check in _CHECKS.items()
        }

    def _series(self, name, values, check, index=None, index_name=""):
        """A monthly array with its site axes as one."""
        if values is None:
            return None
        values = np.asarray(values)
        if values.dtype.kind not in "bufi":
            values = checks.numbers(name, values)
        if index is not None:
            check_columns(index_name, index, name, values)
            return Series(name, values, check)
        if values.ndim == 0:
            raise ValueError(
                f"{name} is a single number, expected months on axis 0. Mend: give a month axis."
            )
        sites = values.shape[1:]
        if all(length == 1 for length in sites):
            return Series(name, values.reshape(len(values), 1), check)
        if checks.common_shape(sites=self.shape, **{name.replace(" ", "_"): sites}) != self.shape:
            raise ValueError(
                f"{name} has shape {values.shape}, expected ({len(values)}, {self.shape}) as clay and stock have. "
                "Mend: give all of them for the same sites."
            )
        full = np.broadcast_to(values, (len(values), *self.shape))
        return Series(name, full.reshape(len(values), self.clay.size), check)

    def _unsigned(self, index):
        """An index as numba reads it fastest: numbers that cannot count from the end."""
        return NO_INDEX if index is None else np.broadcast_to(index, self.shape).astype(np.uint32)

    def _check_months(self):
        year = params.MONTHS_PER_YEAR
        cycle = len(self.spinup["cover"])
        allowed = {series.name: (series, (cycle,)) for series in self.spinup.values()}
        allowed |= {
            series.name: (series, (year, cycle)) for series in (self.shares, self.spinup_manure) if series
        }
        run = (*self.run.values(), self.relative, self.manure)
        allowed |= {series.name: (series, (len(self.relative),)) for series in run if series is not None}
        for name, (series, lengths) in allowed.items():
            if len(series) not in lengths or len(series) % year or not cycle:
                expected = " or ".join(str(length) for length in dict.fromkeys(lengths))
                raise ValueError(
                    f"{name} has {len(series)} months on axis 0, expected {expected}, in whole years. "
                    "Mend: cut the series to the same months."
                )

    @property
    def years(self) -> int:
        """Years after t1."""
        return len(self.relative) // params.MONTHS_PER_YEAR

    def whole(self) -> Drivers:
        """As `Drivers`, with every value checked."""
        return Drivers(
            spinup=Weather(**{name: series.whole() for name, series in self.spinup.items()}),
            run=Weather(**{name: series.whole() for name, series in self.run.items()}),
            clay=self.clay,
            depth_cm=self.depth_cm,
            dpm_rpm=self.dpm_rpm,
            spinup_shares=self.shares.whole(),
            relative_input=self.relative.whole(),
            spinup_manure=self.spinup_manure.whole() if self.spinup_manure else None,
            manure=self.manure.whole() if self.manure else None,
            cell=self.cell if self.cell.size else None,
            zone=self.zone if self.zone.size else None,
            pools=self.pools,
        )
