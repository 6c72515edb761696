"""Seeded tables of sites and years, small enough for seconds."""

import numpy as np
import pytest

from poml_map.hybrid import site_panel

YEARS = np.arange(1980, 1991)


def make_panel(n_sites=40, seed=0, campaigns=(1980, 1990), permute=False):
    """Sites with two static covariates, one that ties in counties, one yearly; observed in the campaigns."""
    rng = np.random.default_rng(seed)
    static = np.broadcast_to(rng.normal(size=(n_sites, 2)), (len(YEARS), n_sites, 2))
    county = (
        np.linspace(200, 400, len(YEARS))[:, None] * rng.uniform(0.8, 1.2, 4)[rng.integers(0, 4, n_sites)]
    )
    climate = rng.normal(16, 1, (len(YEARS), n_sites))
    X = np.concatenate([static, county.round(1)[..., None], climate[..., None]], axis=-1)
    stock = 2.8 + 0.4 * static[..., 0] + 0.3 * rng.normal(size=n_sites) + 0.002 * (county - 200)
    sites = np.array([f"s{i:03d}" for i in range(n_sites)])
    at = [np.searchsorted(YEARS, year) for year in campaigns]
    seen = {
        "site": np.tile(sites, len(at)),
        "year": np.repeat(YEARS[at], n_sites),
        "stock": (stock[at] + rng.normal(0, 0.1, (len(at), n_sites))).ravel().round(2),
    }
    if permute:
        order, rows = rng.permutation(n_sites), rng.permutation(len(seen["site"]))
        sites, X, seen = sites[order], X[:, order], {name: values[rows] for name, values in seen.items()}
    return site_panel(sites, YEARS, X, seen["site"], seen["year"], seen["stock"])


def drifting_stocks(panel, yearly=0.02):
    """A process model in one line: each site's first stock, growing; NaN before its first campaign."""
    first = np.where(panel.first_campaign, panel.observed, 0.0).sum(axis=0)
    age = np.cumsum(np.cumsum(panel.has_observation, axis=0) > 0, axis=0) - 1
    return np.where(age >= 0, first + yearly * age, np.nan)


@pytest.fixture
def panel():
    return make_panel()


@pytest.fixture
def rows(panel):
    """Observed and simulated rows of the panel at w_p = 0.5."""
    return panel.training_rows(drifting_stocks(panel), 0.5)


@pytest.fixture
def build_panel():
    return make_panel


@pytest.fixture
def simulate():
    return drifting_stocks
