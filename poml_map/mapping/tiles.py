"""One tile: its covariates and drivers in, the annual maps of every model out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.mapping.balance import Balance
from poml_map.mapping.forests import ForestMapper
from poml_map.mapping.intervals import MapChange, MapIntervals
from poml_map.mapping.pixels import PIXEL, Pixels, mapped_pixels
from poml_map.mapping.process import map_process
from poml_map.rothc import Options
from poml_map.rothc.columns import ByClass, ProcessInputs


@dataclass(frozen=True)
class TileModel:
    """All that turns a tile of the cube into maps.

    Attributes
    ----------
    poml, ml : callable
        Forests on observations and simulations, and on observations only, from `forest_mapper`.
    covariates : tuple of str
        Columns of the forests, in their order.
    years : range
        Mapped years; the first is t1.
    options : Options
        Of the process model.
    inputs : ProcessInputs
        Which columns feed the process model beside months and clay.
    mu_max, k_m : float
        [-], [kg/m2]
    groups : ByClass, optional
        ``(mu_max, K_m)`` by the class in a column, in place of the two above.
    first_map : str
        ``"ml"``: RothC starts from the ML forest's map of the first year; else from this column of the cube.
    process_maps : tuple of str
        Of ``"pools"`` and ``"co2"``: what is mapped of the process model beside its stock.
    intervals : MapIntervals, optional
        Prediction intervals of `poml`, which must then give the spread of its trees too (``tree_sd=True``).
    change : MapChange, optional
        Interval of the change of `poml` between two of the years.
    poml_change : callable, optional
        The forest of `poml`, from `change_mapper`; with `change` only.
    """

    poml: ForestMapper
    ml: ForestMapper
    covariates: tuple[str, ...]
    years: range
    options: Options
    inputs: ProcessInputs
    mu_max: float
    k_m: float
    groups: ByClass | None = None
    first_map: str = "ml"
    process_maps: tuple[str, ...] = ()
    intervals: MapIntervals | None = None
    change: MapChange | None = None
    poml_change: ForestMapper | None = None
    models: tuple[str, ...] = field(default=tuple(schema.MODELS))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the maps of every year: the models, the interval, then what is mapped of the process model."""
        intervals = () if self.intervals is None else self.intervals.layers
        process = (name for kind in self.process_maps for name in schema.PROCESS_MAPS[kind])
        return (*self.models, *intervals, *process)

    @property
    def change_layers(self) -> tuple[str, ...]:
        """Names of the maps of the change, which have no years."""
        return () if self.change is None else self.change.layers

    def shapes(self, rows: int, cols: int) -> dict[str, tuple[int, ...]]:
        """Shape of every map of so many rows and columns, by layer."""
        annual = dict.fromkeys(self.layers, (len(self.years), rows, cols))
        return annual | dict.fromkeys(self.change_layers, (rows, cols))

    @property
    def variables(self) -> list[str]:
        """Variables of the cube that a tile needs."""
        spinup = [schema.spinup_name(name) for name in schema.MONTHLY]
        start = [] if self.first_map == "ml" else [self.first_map]
        groups = [] if self.groups is None else [self.groups.column]
        process = [*self.inputs.columns, "CLAY", *schema.MONTHLY, *spinup, *start, *groups]
        return list(dict.fromkeys([*self.covariates, *process, "mask"]))


@dataclass(frozen=True)
class TileMaps:
    """What came out of one tile.

    Attributes
    ----------
    maps : dict of str -> ndarray of float32, shape (years, rows, cols), or (rows, cols) for the change
        Stocks at the end of the sampling month, their interval, and pools [kg/m2]; CO2 of the twelve months before it
        [kg/m2/year], which the first year has not. All share one mask: NaN outside the area and where a covariate or
        driver is missing, or infinite, in any year.
    counts : Counter
        Pixels ``mapped``, ``outside`` the area and ``no data: COLUMN``; of the mapped ones those whose class takes the
        pooled fit, by class.
    balance : Balance
        Carbon of the process model's run, of all mapped pixels together.
    """

    maps: dict[str, np.ndarray]
    counts: Counter
    balance: Balance


def map_tile(tile: xr.Dataset, model: TileModel) -> TileMaps:
    """Maps of one tile.

    Parameters
    ----------
    tile : xarray.Dataset
        In memory, with `TileModel.variables` on (y, x) or (pixel), years and months as the cube has them.
    model : TileModel

    Returns
    -------
    TileMaps

    Raises
    ------
    InputError
        If the process model refuses a value of the tile.
    """
    mask = tile["mask"].to_numpy().astype(bool)
    maps = {name: np.full(shape, np.nan, "float32") for name, shape in model.shapes(*mask.shape).items()}
    counts = Counter(outside=int((~mask).sum()))
    if not mask.any():
        return TileMaps(maps, counts, Balance())
    tile = mapped_pixels(tile)
    complete = _complete(tile, model, counts)
    counts["mapped"] = int(complete.sum())
    if not complete.any():
        return TileMaps(maps, counts, Balance())
    at = Pixels(tile, complete, model.years)
    counts += _without_a_fit(at, model)
    where = mask.copy()
    where[mask] = complete
    for name, values in _forests(at, where, model).items():
        maps[name][...] = values
    process, balance = map_process(at, model, maps["ML"][0][where])
    for name, values in process.items():
        maps[name][len(model.years) - len(values) :, where] = values
    return TileMaps(maps, counts, balance)


def _complete(tile: xr.Dataset, model: TileModel, counts: Counter) -> np.ndarray:
    complete = np.ones(tile.sizes[PIXEL], bool)
    for name in model.variables:
        if name == "mask":
            continue
        values = tile[name].to_numpy()
        with np.errstate(invalid="ignore"):  # of +inf and -inf together
            # The sum of numbers and NaN or infinity is none: one pass, where asking every number takes two.
            missing = ~np.isfinite(values.sum(axis=0) if values.ndim > 1 else values)
        if (complete & missing).any():
            counts[f"no data: {name}"] += int((complete & missing).sum())
        complete &= ~missing
    return complete


def _without_a_fit(at: Pixels, model: TileModel) -> Counter:
    """Mapped pixels of the classes that have no mu_max and K_m of their own."""
    if model.groups is None:
        return Counter()
    codes = at.of(model.groups.column)
    classes, counts = np.unique(codes[model.groups.unlisted(codes)], return_counts=True)
    names = [f"with the pooled fit: class {code:g} of {model.groups.column}" for code in classes]
    return Counter(dict(zip(names, counts.tolist(), strict=True)))


def _forests(at: Pixels, where: np.ndarray, model: TileModel) -> dict[str, np.ndarray]:
    """Maps (years, rows, cols) of both forests; the fast engine wants pixels beside their neighbours."""
    covariates = [_spread(at.of(name), where) for name in model.covariates]
    # Static covariates alone make a map of one year that stands for all.
    poml = model.poml(covariates, where)
    maps = {"POML": poml["mean"], "ML": model.ml(covariates, where)["mean"]}
    if model.intervals is not None:
        maps |= model.intervals.maps(poml["mean"], poml["tree_sd"])
    return maps | _changes(covariates, where, model)


def _changes(covariates: list[np.ndarray], where: np.ndarray, model: TileModel) -> dict[str, np.ndarray]:
    """Maps (rows, cols) of the change between two years; none where they are not wanted."""
    if model.change is None:
        return {}
    ends = [model.years.index(year) for year in model.change.period]
    of_ends = [values[ends] if values.ndim == 3 else values for values in covariates]
    change = model.poml_change(of_ends, where)
    return model.change.maps(change["mean"][0], change["tree_sd"][0])


def _spread(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Values (..., n) of the pixels of `where` as (..., rows, cols), 0 elsewhere."""
    spread = np.zeros((*values.shape[:-1], *where.shape), np.float32)
    spread[..., where] = values
    return spread
