"""Sites for the RothC tests."""

import numpy as np
import pytest

from poml_map import rothc


def spun_up_sites(n=40, years=10, seed=0):
    """Keyword arguments of a CalibrationProblem: varied sites in equilibrium, then warmer and with more input."""
    rng = np.random.default_rng(seed)
    season = np.cos(2 * np.pi * np.arange(12) / 12)[:, np.newaxis]
    mean_year = np.clip(1.0 - 0.8 * season + rng.normal(0, 0.1, (12, n)), 0.05, None)
    clay, stock = rng.uniform(8, 45, n), rng.uniform(2.0, 6.0, n)
    start = rothc.start_state(stock, mean_year, np.full(12, 1 / 12), clay)
    growth = np.repeat(np.linspace(1.0, 1.8, years), 12)[:, np.newaxis] * rng.uniform(0.9, 1.2, n)
    return {
        "start": start.pools,
        "iom": start.iom,
        "clay": clay,
        "rate": np.tile(mean_year, (years, 1)) * rng.uniform(0.9, 1.2, (12 * years, 1)),
        "c_input": start.annual_input / 12 * growth,
    }


@pytest.fixture
def make_problem():
    """Build a problem whose observations were simulated with known parameters."""

    def make(mu_max=1.4, k_m=0.06, noise=0.0, n=40, years=10, seed=0, start_month=0):
        sites = spun_up_sites(n, years, seed)
        drivers = rothc.CalibrationProblem(**sites, start_month=start_month)
        stock = rothc.forward(drivers, mu_max, k_m, [12 * years])[0]
        stock = stock + np.random.default_rng(seed + 1).normal(0, noise, n)
        observed = {"site_index": np.arange(n), "month_index": np.full(n, 12 * years), "stock": stock}
        return rothc.CalibrationProblem(**sites, **observed, start_month=start_month)

    return make


@pytest.fixture(scope="session")
def draws_of_noise():
    """Fits of one start to the same forty sites with many draws of the noise; truth 1.4 and 0.06."""
    sites = spun_up_sites(n=40, years=3)
    clean = rothc.forward(rothc.CalibrationProblem(**sites), 1.4, 0.06, [36])[0]
    fits = []
    for draw in range(40):
        stock = clean + np.random.default_rng(draw).normal(0, 0.01, 40)
        observed = {"site_index": np.arange(40), "month_index": np.full(40, 36), "stock": stock}
        fits.append(rothc.calibrate(rothc.CalibrationProblem(**sites, **observed), starts=[(1.4, 0.06)]))
    return fits
