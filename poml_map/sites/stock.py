"""Stocks of the samples (Eq. 1) with what the table, the cube or a constant knows of density and stones."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.errors import Problem, Problems
from poml_map.rothc.stock import carbon_stock
from poml_map.sites.quantities import QUANTITIES
from poml_map.sites.samples import Samples
from poml_map.units import conversion

log = logging.getLogger(__name__)

# Carbon per volume of soil [kg/m3]. Dense peat of 0.3 g/cm3, half of it carbon, holds 150; arable soil of 15 g/kg
# holds 20, and a median below 4 is a desert or a wrong unit.
_MOST_CARBON, _DESERT = 200.0, 4.0


def with_stock(samples: Samples, points: xr.Dataset, region: Region, needed: list[str]) -> Samples:
    """Samples with their stock, less the sites whose pixel lacks a covariate or driver.

    Parameters
    ----------
    samples : Samples
    points : xarray.Dataset
        The cube's values at ``samples.sites``, in that order, dimension ``site``; ``in_mask`` (site,) of bool.
    region : Region
    needed : list of str
        Variables of `points` that must have a value in every year or month.

    Returns
    -------
    Samples
        With ``stock`` [kg/m2] and ``in_mask``.

    Raises
    ------
    InputError
        If bulk density or coarse fragments of the cube are impossible, a stock is more than any soil holds,
        or more rows are dropped than ``max_dropped`` allows.
    """
    settings, sites = region.settings.samples, samples.sites["site"]
    position = samples.table["site"].map(pd.Series(np.arange(len(sites)), index=sites)).to_numpy(int)
    table = samples.table.copy()
    problems = Problems()
    for name in ("bulk_density", "coarse_fragments"):
        given = getattr(settings, name)
        if isinstance(given, str):
            table[name] = _from_cube(region, name, points, problems)[position]
        elif given is not None:
            table[name] = float(given)
    problems.raise_if_any()
    if settings.columns.stock is None:
        parts = table["soc"], table["bulk_density"], table["coarse_fragments"]
        table["stock"] = carbon_stock(*parts, region.settings.depth_cm)
    _check_density(region, table, problems)
    table["in_mask"] = points["in_mask"].to_numpy()[position]
    reasons = pd.Series(_gaps(points, needed)[position], index=table.index)
    for name in ("bulk_density", "coarse_fragments"):
        if isinstance(getattr(settings, name), str):
            reasons[(reasons == "") & table[name].isna()] = f"no {name.replace('_', ' ')} at its pixel"
    empty = "stock of 0" if settings.columns.stock else "no fine earth: coarse fragments of 1"
    reasons[(reasons == "") & (table["stock"] == 0)] = empty
    kept = replace(samples, table=table).without(reasons)
    kept.check_dropped(settings.max_dropped, problems)
    problems.raise_if_any()
    return kept


def _from_cube(region: Region, name: str, points: xr.Dataset, problems: Problems) -> np.ndarray:
    """A static column of the cube at the sites, in the unit of Eq. 1; shape (site,)."""
    quantity, column = QUANTITIES[name], getattr(region.settings.samples, name)
    known, source = schema.COLUMNS.get(column), region.column_source(column)
    unit = known.unit if known else source.entry.cube_unit
    found = ""
    if column not in points:
        found = f"{column}, which the cube does not read at the sites"
    elif points[column].dims != ("site",):
        found = f"{column}, which changes with time"
    else:
        try:
            factor, offset = conversion(unit, quantity.unit)
        except ValueError:
            found = f"{column} in {unit}"
    if not found:
        values = points[column].to_numpy().astype(float) * factor + offset
        bad = values[quantity.outside(values)]
        if not len(bad):
            return values
        found = f"{column} with {len(bad)} values such as {quantity.written(bad[0])}"
    mend = f"Name a static source of {name.replace('_', ' ')}, or give one number."
    problems.extend([region.document.problem(("samples", name), found, quantity.text, mend)])
    return np.full(points.sizes["site"], np.nan)


def _check_density(region: Region, table: pd.DataFrame, problems: Problems) -> None:
    """A stock may be possible and yet too much for its layer: a percent of g/kg, a t/ha of kg/m2."""
    settings, depth = region.settings.samples, region.settings.depth_cm
    density = table["stock"] / (depth / 100)
    most = _MOST_CARBON * depth / 100
    bad = table[density > _MOST_CARBON]
    if len(bad):
        first = bad.iloc[0]
        found = f"{len(bad)} of {len(table)} stocks such as {first['stock']:.4g} kg/m2 "
        found += f"({table.index.name} {bad.index[0]}, site {first['site']}) in {depth:g} cm"
        mend = "The densest peat holds less: check `samples.units`, bulk density and `depth_cm`."
        problems.extend([Problem(settings.file, "", found, f"at most {most:g} kg/m2", mend)])
    if density.median() < _DESERT:
        text = "%s: the median stock is %.3g kg/m2 in %g cm, that of a desert: check `samples.units`"
        log.warning(text, settings.file, table["stock"].median(), depth)


def _gaps(points: xr.Dataset, needed: list[str]) -> np.ndarray:
    """For each site the variables without a value, as a reason; empty text if complete. Shape (site,)."""
    lacking = [[] for _ in range(points.sizes["site"])]
    for name in needed:
        values = points[name]
        missing = values.isnull().any([dim for dim in values.dims if dim != "site"]).to_numpy()
        for index in np.flatnonzero(missing):
            lacking[index].append(name)
    texts = [f"no data at its pixel for {', '.join(names)}" if names else "" for names in lacking]
    return np.array(texts, dtype=object)
