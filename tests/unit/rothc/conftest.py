"""Sites and reference figures for the RothC tests."""

import numpy as np
import pytest

from poml_map import rothc


@pytest.fixture
def year_1939():
    """Weather and soil of 1939 in the example of Rothamsted-Models/RothC_Py (commit f2ab6df, Apache-2.0).

    `modifiers` were recorded while running that code; `pools` [t C/ha] are its published month_results.csv.
    """
    temperature = [3.99, 5.37, 5.46, 8.3, 10.53, 13.55, 15.56, 16.06, 14.07, 7.91, 8.47, 2.36]
    rain = [114.5, 30.7, 51.6, 90.3, 40.4, 74.9, 59.8, 96.4, 25.2, 103.6, 105.4, 58.0]
    pan = [8.2, 17.2, 43.1, 68.2, 99.3, 112.5, 128.9, 104.4, 64.2, 27.7, 12.9, 3.6]
    return {
        "air_temp": np.array(temperature),
        "precip": np.array(rain),
        "evaporation": rothc.evaporation_from_pan(pan),
        "cover": np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1]),
        "clay": 13.0,
        "depth_cm": 25.0,
        "c_input": np.array([0.0, 0, 0, 0, 0, 0, 0, 1.4643, 0, 0, 0, 0]),
        "start": [0.14546618698414296, 5.678120858752452, 0.7405937979752077, 27.642769420831222],
        "a": [
            0.405041364799995,
            0.533478324308255,
            0.542529809884424,
            0.868754071811216,
            1.17567220836429,
            1.65060319843175,
            1.99702879506593,
            2.08626628613496,
            1.73818179683956,
            0.819458158616149,
            0.890667837689756,
            0.27871461327434,
        ],
        "b": [1, 1, 1, 1, 0.357778917451101, 0.2, 0.2, 0.880480324629816, 0.838848920863309, 1, 1, 1],
        "deficit": [
            *(0, 0, 0, 0, -34.075, -38.2717391304348),
            *(-38.2717391304348, -20.1717391304348, -21.2790869565217, 0, 0, 0),
        ],
        "pools": {
            1: [0.11879781153577303, 5.643727338207031, 0.7382361631904402, 27.64035086735307],
            7: [0.025278729679546454, 5.387712688401304, 0.7109076565704049, 27.60924468359783],
            8: [0.8742666483649808, 5.841410515098472, 0.6922334832708612, 27.585739303863516],
            9: [0.2593881222904308, 5.632314709554195, 0.7248795374828731, 27.619730489666342],
            12: [0.07302139331609193, 5.422154823708169, 0.7133801110667124, 27.605974986907576],
        },
    }


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
    for draw in range(60):
        stock = clean + np.random.default_rng(draw).normal(0, 0.01, 40)
        observed = {"site_index": np.arange(40), "month_index": np.full(40, 36), "stock": stock}
        fits.append(rothc.calibrate(rothc.CalibrationProblem(**sites, **observed), starts=[(1.4, 0.06)]))
    return fits
