"""The sides of RothC's benchmark: compiled, numpy, a plain loop over sites, and Rothamsted's own functions."""

from __future__ import annotations

import os
from math import exp
from pathlib import Path

import numpy as np
from rothc_region import DEPTH_CM, DPM_RPM

from poml_map.rothc import periodic_deficit, simulate_stock, start_state
from poml_map.rothc.forcing import derive
from poml_map.rothc.forward import run_drivers

MU_MAX, K_M = 1.5, 0.05
CORES = os.cpu_count()


def compiled(tile):
    """Spin-up, start and run of all pixels as the maps do it: stocks of all years."""
    return run_drivers(*tile, MU_MAX, K_M, workers=CORES).stock


def with_numpy(tile):
    """The same by the readable functions, all pixels of the tile at once."""
    drivers, stock = tile
    forcing = derive(drivers)
    start = start_state(stock, forcing.spinup_rate, forcing.spinup_shares, drivers.clay, dpm_rpm=DPM_RPM)
    plants = forcing.relative_input * start.annual_input
    state = start.pools, start.iom, forcing.rate, plants, drivers.clay
    return simulate_stock(*state, record=forcing.record, dpm_rpm=DPM_RPM, mu_max=MU_MAX, k_m=K_M)


def lists_of_sites(tile):
    """What a loop needs of each site, from its start on, so that the loop has no spin-up to do."""
    drivers, _ = tile
    spinup, run, cell = drivers.spinup, drivers.run, drivers.cell
    water = spinup.precip[:, cell], spinup.evaporation[:, cell]
    deficit = periodic_deficit(*water, drivers.clay, DEPTH_CM, spinup.cover)[-1]
    course = run_drivers(*tile, MU_MAX, K_M, keep=["pools"])
    carbon = drivers.relative_input[:, drivers.zone] * course.annual_input
    series = (
        run.air_temp[:, cell],
        run.precip[:, cell],
        run.evaporation[:, cell],
        run.cover.astype(float),
        carbon,
    )
    return [
        (
            *(values[:, site].tolist() for values in series),
            *(each[site].tolist() for each in (drivers.clay, deficit)),
            pools,
        )
        for site, pools in enumerate(course.pools[0].T.tolist())
    ]


def loop(sites):
    """RothC as one writes it down, a function for each equation, called month by month and site by site."""
    return [_site(*site) for site in sites]


def _temperature_modifier(air_temp):
    return 47.91 / (1 + exp(106.06 / (air_temp + 18.27))) if air_temp >= -5 else 0.0


def _next_deficit(deficit, surplus, cover, limit):
    floor = limit if cover >= 0.5 else min(0.556 * limit, deficit)
    return max(floor, min(0.0, deficit + surplus))


def _moisture_modifier(deficit, limit):
    one_bar = 0.444 * limit
    return 1.0 if deficit > one_bar else 0.2 + 0.8 * (limit - deficit) / (limit - one_bar)


def _michaelis_menten(bio):
    return MU_MAX * bio / (K_M + bio)


def _step(pools, rate, carbon, alpha, beta):
    dpm, rpm, bio, hum = pools
    dpm_left, rpm_left = dpm * exp(-10.0 * rate / 12), rpm * exp(-0.3 * rate / 12)
    bio_left, hum_left = bio * exp(-0.66 * rate / 12), hum * exp(-0.02 * rate / 12)
    lost = dpm + rpm + bio + hum - dpm_left - rpm_left - bio_left - hum_left
    to_dpm = DPM_RPM / (1 + DPM_RPM) * carbon
    return dpm_left + to_dpm, rpm_left + carbon - to_dpm, bio_left + alpha * lost, hum_left + beta * lost


def _site(air_temp, rain, evaporation, cover, carbon, clay, deficit, pools):
    x = 1.67 * (1.85 + 1.6 * exp(-0.0786 * clay))
    alpha, beta = 0.46 / (x + 1), 0.54 / (x + 1)
    limit = -(20 + 1.3 * clay - 0.01 * clay**2) * DEPTH_CM / 23
    *pools, iom = pools
    stocks = [sum(pools) + iom]
    for month in range(len(air_temp)):
        deficit = _next_deficit(deficit, rain[month] - evaporation[month], cover[month], limit)
        rate = _temperature_modifier(air_temp[month]) * _moisture_modifier(deficit, limit)
        rate *= (1 - 0.4 * cover[month]) * _michaelis_menten(pools[2])
        pools = _step(pools, rate, carbon[month], alpha, beta)
        if month % 12 == 11:
            stocks.append(sum(pools) + iom)
    return stocks


def rothamsted():
    """The functions of RothC_Py.py, which stand before its program; None without the file that ROTHC_PY names."""
    path = os.environ.get("ROTHC_PY")
    if not path:
        return None
    names = {"IOM_Rage": [50000.0]}
    exec(Path(path).read_text(encoding="utf-8").split("# program")[0], names)
    return lambda sites: _by_rothamsted(names["RothC"], sites)


def _by_rothamsted(month_of_rothc, sites):
    """Stocks after the last month, without mu; pools in t/ha and radiocarbon ages live in lists of one."""
    stocks = []
    for air_temp, rain, evaporation, cover, carbon, clay, deficit, pools in sites:
        state, ages, water = [[10 * pool] for pool in (*pools, 0.0)], [[0.0] for _ in range(5)], [deficit]
        for month in range(len(air_temp)):
            weather = air_temp[month], rain[month], evaporation[month] / 0.75, cover[month]
            soil = clay, DEPTH_CM, *weather, DPM_RPM, 10 * carbon[month], 0.0, water
            month_of_rothc(12, *state, *ages, 1.0, *soil)
        stocks.append(float(np.squeeze(state[5][0])) / 10)
    return stocks
