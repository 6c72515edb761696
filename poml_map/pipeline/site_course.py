"""RothC at one site, month by month: spin-up or given pools, the run, its rate modifiers and its carbon balance."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from poml_map import rothc
from poml_map.errors import InputError, Problem
from poml_map.pipeline.site_file import INPUT_NAMES, INPUT_UNIT, Site
from poml_map.pipeline.site_settings import Spinup, month_text
from poml_map.pipeline.site_tables import SiteTables, mean_year, whole_year_months
from poml_map.units import STOCK_UNIT, conversion

POOLS = ("DPM", "RPM", "BIO", "HUM", "IOM")


@dataclass(frozen=True)
class Beginning:
    """State at the end of the start month.

    Attributes
    ----------
    pools : ndarray, shape (4,)
        DPM, RPM, BIO, HUM. [kg/m2]
    iom : float
        [kg/m2]
    deficit : float
        Water deficit, at most 0. [mm]
    annual_input : float or None
        Plant input that holds the stock in the spin-up; None for given pools. [kg/m2/year]
    """

    pools: np.ndarray
    iom: float
    deficit: float
    annual_input: float | None


@dataclass(frozen=True)
class Course:
    """The run of one site.

    Attributes
    ----------
    months : ndarray of int, shape (months + 1,)
        Month numbers, the start month first.
    pools : ndarray, shape (5, months + 1)
        `POOLS` at the end of each month. [kg/m2]
    drivers : dict of str -> ndarray, shape (months,)
        Weather and inputs of the months after the start; carbon in kg/m2/month.
    modifiers : dict of str -> ndarray, shape (months,)
        ``a``, ``b``, ``c``, ``mu`` [1] and ``deficit`` [mm].
    from_normals : ndarray of bool, shape (months,)
        Months whose weather is that of the normals.
    balance : rothc.pools.CarbonBalance of float
        Added, respired and stored carbon of the whole run, respiration summed up by itself. [kg/m2]
    """

    months: np.ndarray
    pools: np.ndarray
    drivers: dict[str, np.ndarray]
    modifiers: dict[str, np.ndarray]
    from_normals: np.ndarray
    balance: rothc.pools.CarbonBalance

    @property
    def stock(self) -> np.ndarray:
        """Total carbon at the end of each month, shape (months + 1,). [kg/m2]"""
        return self.pools.sum(axis=0)

    @property
    def respired(self) -> np.ndarray:
        """CO2 of each month after the start, shape (months,). [kg/m2/month]"""
        return self.drivers["plant"] + self.drivers["manure"] - np.diff(self.stock)


def run_course(site: Site, tables: SiteTables) -> tuple[Beginning, Course]:
    """Spin up and run.

    Parameters
    ----------
    site : Site
    tables : SiteTables

    Returns
    -------
    Beginning, Course

    Raises
    ------
    InputError
        If a month has no weather or input, or RothC refuses a value.
    """
    months = np.arange(site.settings.start.month, site.settings.end + 1)
    drivers, from_normals = _drivers(site, tables, months[1:])
    try:
        beginning = _beginning(site, tables)
        return beginning, _course(site, months, beginning, drivers, from_normals)
    except ValueError as error:
        raise InputError(Problem(site.file, "", str(error).replace(". Mend:", ";"))) from error


def _drivers(site: Site, tables: SiteTables, months: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    weather, held = tables.weather, tables.weather.holds(months)
    if not held.all() and tables.normals is None:
        missing = months[~held]
        found = f"no weather of {len(missing)} months, {month_text(missing[0])} to {month_text(missing[-1])}"
        mend = "Change `start.month` or `end`, or set `beyond: normals` and `normals:`."
        expected = f"months of {site.settings.weather.file}, {weather.text}"
        raise InputError(site.problem(("weather", "beyond"), found, expected, mend))
    drivers = {}
    for name, values in weather.values.items():
        normals = tables.normals[name][months % 12] if tables.normals else np.full(len(months), np.nan)
        drivers[name] = np.where(held, values[np.clip(months - weather.first, 0, len(values) - 1)], normals)
    return drivers | _inputs(site, tables, months), ~held


def _inputs(site: Site, tables: SiteTables, months: np.ndarray) -> dict[str, np.ndarray]:
    """Each monthly input of these months; carbon in kg/m2/month."""
    inputs, found = site.settings.inputs, {}
    for name in INPUT_NAMES:
        value = getattr(inputs, name)
        if isinstance(value, str):
            _require_inputs(site, tables, name, months)
            found[name] = tables.inputs.at(months)[name]
        else:
            found[name] = _by_calendar(value, months) * _carbon_factor(site, name)
    return found


def _require_inputs(site: Site, tables: SiteTables, name: str, months: np.ndarray) -> None:
    held = tables.inputs.holds(months)
    if not held.all():
        missing = months[~held]
        found = f"no value of {len(missing)} months, {month_text(missing[0])} to {month_text(missing[-1])}"
        mend = "Add the rows, or change `start.month` or `end`: what was done to a soil has no normals."
        expected = f"months of the table, {tables.inputs.text}"
        raise InputError(site.problem(("inputs", name), found, expected, mend))


def _by_calendar(value, months: np.ndarray) -> np.ndarray:
    """A number, or twelve of them, in each month."""
    return np.broadcast_to(value, 12)[months % 12].astype(float)


def _carbon_factor(site: Site, name: str) -> float:
    """What turns a number of the site file into the unit of the program."""
    unit = getattr(site.settings.inputs.units, name, None)
    return conversion(unit, INPUT_UNIT)[0] if unit else 1.0


def _beginning(site: Site, tables: SiteTables) -> Beginning:
    start = site.settings.start
    factor = conversion(start.unit, STOCK_UNIT)[0]
    if start.pools:
        given = np.array([getattr(start.pools, name) for name in POOLS]) * factor
        return Beginning(given[:4], float(given[4]), start.deficit_mm or 0.0, None)
    return _spun_up(site, tables, start.spinup, start.stock * factor, factor)


def _spun_up(site: Site, tables: SiteTables, spinup: Spinup, stock: float, factor: float) -> Beginning:
    """Pools, inert carbon and water in balance with the spin-up years, scaled to the stock."""
    start, soil = site.settings.start, site.settings.soil
    years = whole_year_months(spinup.years)
    if not tables.weather.holds(years).all():
        found, expected = f"{spinup.years[0]}-{spinup.years[1]}", f"whole years of {tables.weather.text}"
        raise InputError(site.problem(("start", "spinup", "years"), found, expected))
    weather = tables.weather.at(years)
    weather = mean_year(weather) if spinup.weather == "mean_months" else weather
    # The start month last, as every state is that at its end.
    later = (start.month + 1) % 12
    months = np.roll(years[: len(weather["precip"])], -later)
    rolled = {name: np.roll(values, -later) for name, values in weather.items()}
    water = rolled["precip"], rolled["evaporation"], soil.clay_percent, soil.depth_cm
    cover = _by_calendar(spinup.cover, months)
    deficit = rothc.periodic_deficit(*water, cover)[-1]
    factors = _by_calendar(spinup.rate_factor, months)
    rate, _ = rothc.rate_modifier(rolled["air_temp"], *water, cover, deficit, rate_factor=factors)
    shares = _by_calendar(spinup.plant_months, months) / sum(spinup.plant_months)
    state = rothc.start_state(
        stock,
        rate,
        shares,
        soil.clay_percent,
        dpm_rpm=spinup.dpm_rpm,
        iom=None if start.iom is None else start.iom * factor,
        pools=start.rule,
        manure=_by_calendar(spinup.manure, months) * _carbon_factor(site, "manure"),
    )
    return Beginning(state.pools, float(state.iom), float(deficit), float(state.annual_input))


def _course(site: Site, months, beginning: Beginning, drivers, from_normals) -> Course:
    soil, microbes = site.settings.soil, site.settings.rothc
    water = drivers["precip"], drivers["evaporation"], soil.clay_percent, soil.depth_cm, drivers["cover"]
    deficit = rothc.moisture_deficit(*water, initial=beginning.deficit)
    modifiers = {
        "a": rothc.temperature_modifier(drivers["air_temp"]),
        "b": rothc.moisture_modifier(deficit, soil.clay_percent, soil.depth_cm),
        "c": rothc.cover_modifier(drivers["cover"]),
        "deficit": deficit,
    }
    rate = modifiers["a"] * modifiers["b"] * modifiers["c"] * drivers["rate_factor"]
    law = {"mu_max": microbes.mu_max, "k_m": microbes.k_m}
    active, balance = _pools(beginning.pools, rate, drivers, soil.clay_percent, law)
    modifiers["mu"] = rothc.michaelis_menten(active[:-1, 2], **law)
    inert = np.full((len(months), 1), beginning.iom)
    return Course(months, np.hstack([active, inert]).T, drivers, modifiers, from_normals, balance)


def _pools(start: np.ndarray, rate: np.ndarray, drivers, clay: float, law: dict[str, float]):
    """Active pools (months + 1, 4), the start first, and the balance; a new run where the DPM/RPM ratio changes."""
    states, balances, first = [start[np.newaxis]], [], 0
    for ratio, group in itertools.groupby(drivers["dpm_rpm"]):
        last = first + len(list(group))
        part = slice(first, last)
        arguments = states[-1][-1], rate[part], drivers["plant"][part], clay
        options = {"dpm_rpm": ratio, "manure": drivers["manure"][part], **law}
        states.append(rothc.simulate(*arguments, **options))
        balances.append(rothc.carbon_balance(*arguments, **options))
        first = last
    return np.concatenate(states), rothc.pools.CarbonBalance(
        *(float(sum(part)) for part in zip(*balances, strict=True))
    )
