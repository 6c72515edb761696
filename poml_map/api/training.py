"""From observed and simulated stocks to the rows that a POML forest learns from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from poml_map.api.samples import refuse_missing
from poml_map.errors import InputError, Problem
from poml_map.pipeline.learning import training_frame
from poml_map.pipeline.panel import sites_panel


def training_table(
    samples: xr.Dataset, covariates: Sequence[str], simulated: xr.DataArray | None = None
) -> pd.DataFrame:
    """Rows for `PomlRegressor`: every observation, and every simulated year after a site's first one.

    Parameters
    ----------
    samples : xarray.Dataset
        From `read_samples`.
    covariates : sequence of str
        Variables over ``site`` or (year, site), such as ``region.settings.covariates``.
    simulated : xarray.DataArray, (year, site), optional
        Stocks of RothC, from `simulate` [kg/m2]. NaN gives no row, nor does a year that was observed or lies before
        the site's first campaign. Without it all rows are observed.

    Returns
    -------
    pandas.DataFrame
        ``site``, ``year``, ``is_simulated``, ``stock`` [kg/m2] and the covariates, by site and year: as
        ``training.csv`` of a run, less the weights.

    Raises
    ------
    InputError
        If a covariate is missing, has a gap where a stock was observed, or sites and years of `simulated` differ.

    Examples
    --------
    >>> import poml_map
    >>> samples = poml_map.read_samples("demo/region.yaml")
    >>> rows = poml_map.training_table(samples, ["CLAY", "TMP"])
    >>> list(rows.columns), len(rows) == samples.attrs["n_used"]
    (['site', 'year', 'is_simulated', 'stock', 'CLAY', 'TMP'], True)
    """
    refuse_missing(samples, ["stock", *covariates], "samples")
    covariates = list(covariates)
    stock = samples["stock"].transpose("site", "year")
    site, year = np.nonzero(~np.isnan(stock.to_numpy()))
    ids, years = samples["site"].to_numpy().astype(str), samples["year"].to_numpy()
    try:
        panel = sites_panel(
            samples, covariates, ids, years, ids[site], years[year], stock.to_numpy()[site, year]
        )
        rows = panel.training_rows(_at(simulated, panel), 0.5)
    except ValueError as error:
        reason, _, mend = str(error).partition(". Mend: ")
        raise InputError(Problem("samples", "", reason, "", mend[:1].upper() + mend[1:])) from error
    return training_frame(rows, covariates).drop(columns="weight")


def _at(simulated: xr.DataArray | None, panel) -> np.ndarray | None:
    """Simulated stocks in the order of a panel, (years, sites)."""
    if simulated is None:
        return None
    mend = "Give `simulate(...)['stock']` of the same samples."
    if not isinstance(simulated, xr.DataArray) or set(simulated.dims) != {"year", "site"}:
        found = getattr(simulated, "dims", type(simulated).__name__)
        raise InputError(Problem("simulated", "", str(found), "a DataArray over (year, site)", mend))
    lacking = [
        f"{dim} {label}"
        for dim, labels in (("year", panel.years.tolist()), ("site", panel.sites.tolist()))
        for label in labels
        if label not in simulated[dim].to_numpy().tolist()
    ]
    if lacking:
        raise InputError(Problem("simulated", "", f"no {lacking[0]}", "the sites and years of samples", mend))
    return simulated.sel(year=panel.years, site=panel.sites).transpose("year", "site").to_numpy()
