"""The process model of a tile: from months and a first stock to the stock of every year, pools and CO2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.errors import InputError, Problem
from poml_map.mapping.balance import Balance
from poml_map.mapping.pixels import Pixels
from poml_map.rothc import Course, part_of_map, prepare, run_drivers

if TYPE_CHECKING:
    from poml_map.mapping.tiles import TileModel

# 252 months of a dozen float64 arrays of so many pixels stay below 25 MiB a thread.
_PIXELS_AT_ONCE = 1024

# What `run_drivers` calls the kinds of maps.
_KEPT = {"pools": "pools", "co2": "respired"}


def map_process(at: Pixels, model: TileModel, ml_first: np.ndarray) -> tuple[dict[str, np.ndarray], Balance]:
    """RothC of the complete pixels of a tile, a few thousand at once.

    Parameters
    ----------
    at : Pixels
    model : TileModel
    ml_first : ndarray, shape (n,)
        First map of the ML forest; RothC starts from it unless the model names another. [kg/m2]

    Returns
    -------
    maps : dict of str -> ndarray of float32, shape (years, n)
        ``PO`` [kg/m2], and of `TileModel.process_maps` the pools [kg/m2] and, one year less, CO2 [kg/m2/year].
    balance : Balance

    Raises
    ------
    InputError
        If the process model refuses a value.
    """
    stock = (ml_first if model.first_map == "ml" else at.of(model.first_map)).astype(float)
    # A Dataset of the whole cube also holds the spin-up years; the run is what its last months are.
    run = {name: at.of(name)[-12 * len(model.years) :] for name in schema.MONTHLY}
    spinup = {name: at.of(schema.spinup_name(name)) for name in schema.MONTHLY}
    clay, other = at.of("CLAY"), {name: at.of(name) for name in model.inputs.columns}
    mu_max, k_m = _parameters(at, model, len(stock))
    maps, balance = _empty(model, len(stock)), Balance()
    for first in range(0, len(stock), _PIXELS_AT_ONCE):
        part = np.s_[..., first : first + _PIXELS_AT_ONCE]
        months = [{name: values[part] for name, values in each.items()} for each in (run, spinup)]
        read = {name: values[part] for name, values in other.items()}
        try:
            with part_of_map():
                arguments = model.inputs.arguments(read.__getitem__, len(model.years))
                drivers = prepare(*months, clay[part], options=model.options, **arguments)
                kept = [_KEPT[kind] for kind in model.process_maps]
                course = run_drivers(drivers, stock[part], mu_max[part], k_m[part], keep=kept)
        except ValueError as error:
            raise InputError(_problem(error, at.tile)) from error
        for name, values in _named(course, model).items():
            maps[name][part] = values
        balance += Balance.of(course)
    return maps, balance


def _parameters(at: Pixels, model: TileModel, pixels: int):
    """mu_max [-] and K_m [kg/m2] of every pixel."""
    if model.groups is None:
        return np.full(pixels, model.mu_max), np.full(pixels, model.k_m)
    return model.groups.at(at.of(model.groups.column))


def _empty(model: TileModel, pixels: int) -> dict[str, np.ndarray]:
    years, yearly = len(model.years), schema.PROCESS_MAPS["co2"]
    names = ["PO", *(name for kind in model.process_maps for name in schema.PROCESS_MAPS[kind])]
    return {name: np.empty((years - (name in yearly), pixels), "float32") for name in names}


def _named(course: Course, model: TileModel) -> dict[str, np.ndarray]:
    found = {"PO": course.stock}
    if "pools" in model.process_maps:
        found |= dict(zip(schema.PROCESS_MAPS["pools"], course.pools.swapaxes(0, 1), strict=True))
    if "co2" in model.process_maps:
        found |= dict.fromkeys(schema.PROCESS_MAPS["co2"], course.yearly_respired)
    return found


def _problem(error: ValueError, tile: xr.Dataset) -> Problem:
    """What the checks of the cube and the starts let through, with the corner of the tile."""
    corner = f" at x {float(tile['x'][0]):.10g}, y {float(tile['y'][0]):.10g}" if "x" in tile.coords else ""
    return Problem("RothC on the map", f"tile{corner}", str(error).rstrip("."))
