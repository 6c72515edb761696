"""One tile: its covariates and drivers in, the annual maps of every model out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.hybrid import PomlForest
from poml_map.mapping.pixels import PIXEL, mapped_pixels
from poml_map.rothc.checks import part_of_map
from poml_map.rothc.forcing import Forcing, Options, build_forcing
from poml_map.rothc.pools import simulate_stock
from poml_map.rothc.spinup import start_state

# Of the process model: 252 months of a few dozen float64 arrays stay below 100 MiB.
_PIXELS_AT_ONCE = 2048


@dataclass(frozen=True)
class TileModel:
    """All that turns a tile of the cube into maps.

    Attributes
    ----------
    poml, ml : PomlForest
        Forests on observations and simulations, and on observations only.
    covariates : tuple of str
        Columns of the forests, in their order.
    years : range
        Mapped years; the first is t1.
    options : Options
        Of the process model.
    input_driver : str
        Annual column that the carbon input follows.
    mu_max, k_m : float
        [-], [kg/m2]
    first_map : str
        ``"ml"``: RothC starts from the ML forest's map of the first year; else from this column of the cube.
    """

    poml: PomlForest
    ml: PomlForest
    covariates: tuple[str, ...]
    years: range
    options: Options
    input_driver: str
    mu_max: float
    k_m: float
    first_map: str = "ml"
    models: tuple[str, ...] = field(default=tuple(schema.MODELS))

    @property
    def variables(self) -> list[str]:
        """Variables of the cube that a tile needs."""
        spinup = [schema.spinup_name(name) for name in schema.MONTHLY]
        start = [] if self.first_map == "ml" else [self.first_map]
        names = [*self.covariates, self.input_driver, "CLAY", *schema.MONTHLY, *spinup, *start, "mask"]
        return list(dict.fromkeys(names))


def map_tile(tile: xr.Dataset, model: TileModel) -> tuple[dict[str, np.ndarray], Counter]:
    """Maps of one tile.

    Parameters
    ----------
    tile : xarray.Dataset
        In memory, with `TileModel.variables` on (y, x) or (pixel), years and months as the cube has them.
    model : TileModel

    Returns
    -------
    maps : dict of str -> ndarray of float32, shape (years, rows, cols)
        Stock at the end of the sampling month. [kg/m2] All models share one mask: NaN outside the area and
        where a covariate or driver is missing in any year.
    counts : Counter
        Pixels ``mapped``, ``outside`` the area and ``no data: COLUMN``.
    """
    mask = tile["mask"].to_numpy().astype(bool)
    years = len(model.years)
    maps = {name: np.full((years, *mask.shape), np.nan, "float32") for name in model.models}
    counts = Counter(outside=int((~mask).sum()))
    if not mask.any():
        return maps, counts
    tile = mapped_pixels(tile)
    complete = _complete(tile, model, counts)
    counts["mapped"] = int(complete.sum())
    if not complete.any():
        return maps, counts
    at = _Pixels(tile, complete, model.years)
    stocks = _forests(at, model)
    stocks["PO"] = _process(at, model, stocks["ML"][0])
    where = mask.copy()
    where[mask] = complete
    for name, values in stocks.items():
        maps[name][:, where] = values
    return maps, counts


def _complete(tile: xr.Dataset, model: TileModel, counts: Counter) -> np.ndarray:
    complete = np.ones(tile.sizes[PIXEL], bool)
    for name in model.variables:
        if name == "mask":
            continue
        values = tile[name].to_numpy()
        # The largest of numbers and NaN is NaN: one pass, where asking every number for NaN takes two.
        missing = np.isnan(values.max(axis=0) if values.ndim > 1 else values)
        if (complete & missing).any():
            counts[f"no data: {name}"] += int((complete & missing).sum())
        complete &= ~missing
    return complete


@dataclass(frozen=True)
class _Pixels:
    """Values of the complete pixels of a tile, time first, pixels last."""

    tile: xr.Dataset
    complete: np.ndarray
    years: range

    def of(self, name: str) -> np.ndarray:
        values = self.tile[name].to_numpy()
        return values if self.complete.all() else values[..., self.complete]

    def annual(self, name: str) -> np.ndarray:
        values = self.of(name)
        return values if values.ndim == 2 else np.broadcast_to(values, (len(self.years), len(values)))


def _forests(at: _Pixels, model: TileModel) -> dict[str, np.ndarray]:
    pixels = int(at.complete.sum())
    table = np.empty((len(model.years), pixels, len(model.covariates)), "float32")
    for index, name in enumerate(model.covariates):
        table[..., index] = at.annual(name)
    rows = table.reshape(-1, len(model.covariates))
    return {
        name: forest.predict(rows).reshape(len(model.years), pixels)
        for name, forest in (("POML", model.poml), ("ML", model.ml))
    }


def _process(at: _Pixels, model: TileModel, ml_first: np.ndarray) -> np.ndarray:
    """RothC of the mapped pixels, a few thousand at once: its monthly arrays are what a tile needs most memory for."""
    stock = (ml_first if model.first_map == "ml" else at.of(model.first_map)).astype(float)
    # A Dataset of the whole cube also holds the spin-up years; the run is what its last months are.
    run = {name: at.of(name)[-12 * len(model.years) :] for name in schema.MONTHLY}
    spinup = {name: at.of(schema.spinup_name(name)) for name in schema.MONTHLY}
    clay, driver = at.of("CLAY"), at.annual(model.input_driver)
    stocks = np.empty((len(model.years), len(stock)))
    for first in range(0, len(stock), _PIXELS_AT_ONCE):
        part = np.s_[..., first : first + _PIXELS_AT_ONCE]
        drivers = [{name: values[part] for name, values in each.items()} for each in (run, spinup)]
        with part_of_map():
            forcing = build_forcing(*drivers, clay[part], driver[part], model.options)
            stocks[part] = _run_on(stock[part], forcing, model)
    return stocks


def _run_on(stock: np.ndarray, forcing: Forcing, model: TileModel) -> np.ndarray:
    start = start_state(
        stock,
        forcing.spinup_rate,
        forcing.spinup_shares,
        forcing.clay,
        dpm_rpm=model.options.dpm_rpm,
        pools=model.options.pools,
    )
    return simulate_stock(
        start.pools,
        start.iom,
        forcing.rate,
        forcing.relative_input * start.annual_input,
        forcing.clay,
        record=forcing.record,
        dpm_rpm=model.options.dpm_rpm,
        mu_max=model.mu_max,
        k_m=model.k_m,
    )
