"""What a region's forests learn from: the panel of its sites, and the forest that its file asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from poml_map.config import Region
from poml_map.hybrid import PomlForest, SitePanel, site_panel
from poml_map.sites import Samples


def panel_order(panel: SitePanel, samples: Samples) -> np.ndarray:
    """Position in ``samples.sites`` of each site of the panel, which sorts them."""
    position = pd.Series(np.arange(len(samples.sites)), index=samples.sites["site"])
    return position.loc[panel.sites].to_numpy()


def region_panel(region: Region, samples: Samples, points: xr.Dataset) -> SitePanel:
    """Covariates of every run year at the sites, and their observations.

    Parameters
    ----------
    region : Region
    samples : Samples
        With stocks.
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.

    Returns
    -------
    SitePanel
        Its sites are sorted, see `panel_order`.
    """
    table = samples.table
    return sites_panel(
        points,
        region.settings.covariates,
        samples.sites["site"].to_numpy(str),
        np.arange(region.years[0], region.years[-1] + 1),
        table["site"].to_numpy(str),
        table["year"].to_numpy(int),
        table["stock"],
    )


def sites_panel(points: xr.Dataset, covariates: Sequence[str], sites, years, *observed) -> SitePanel:
    """Covariates of sites over years, and their observations.

    Parameters
    ----------
    points : xarray.Dataset
        The covariates, each over (site,) or (year, site).
    covariates : sequence of str
    sites, years : ndarray
        Ids and years, as `points` has them.
    *observed : ndarray
        Site, year and stock [kg/m2] of every observation, as `poml_map.hybrid.site_panel` takes them.
    """
    X = np.empty((len(years), points.sizes["site"], len(covariates)), "float32")
    for index, name in enumerate(covariates):
        X[..., index] = points[name].to_numpy()  # static columns serve every year
    return site_panel(sites, years, X, *observed)


def region_forest(region: Region) -> PomlForest:
    """A forest, not fitted, with the options of the region file and a thread a core."""
    hybrid = region.settings.hybrid
    return PomlForest(
        n_trees=hybrid.n_trees,
        max_features=None if hybrid.max_features == "all" else hybrid.max_features,
        min_samples_leaf=hybrid.min_samples_leaf,
        seed=hybrid.seed,
        n_jobs=-1,
    )
