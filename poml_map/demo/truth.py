"""The true stock of every pixel and year, from other laws than the models that will be fitted to it.

Three pools with other rates than RothC, decay by Q10 instead of a logistic curve, slower in flooded paddies;
carbon input that saturates with fertilizer, and manure and straw that each county managed in its own way.
A part of the stock and of its change follows random fields that no covariate shows.
"""

from __future__ import annotations

import numpy as np

from poml_map.demo.climate import Climate
from poml_map.demo.fields import Field, spread, stream
from poml_map.demo.sizes import CLIMATE_YEARS, RUN_YEARS
from poml_map.demo.world import Places, World

#: Everything that the truth is made with; `truth.json` repeats it.
PARAMETERS = {
    "mean_stock_1980": 4.45,  # kg/m2
    "sd_explained_by_covariates": 0.45,  # kg/m2
    "sd_of_unexplained_field": 0.28,  # kg/m2
    "correlation_lengths_of_unexplained_field": [18.0, 3.0],  # km
    "passive_share": 0.42,
    "fast_decay": 0.85,  # 1/year at 16 degC, moist and drained
    "slow_decay": 0.06,  # 1/year
    "fast_share_of_active": 0.13,
    "q10": 2.1,
    "reference_temperature": 16.0,  # degC
    "paddy_slowing": 0.35,
    "fertilizer_response": 24.0,
    "fertilizer_half": 1100.0,  # kg/ha
    "measurement_sd": 0.15,  # kg/m2
}
#: No soil holds less. [kg/m2]
LEAST_STOCK = 1.5


def true_stock(world: World, places: Places) -> np.ndarray:
    """Stock at the end of every run year, shape (years 1980-2000, n), float32. [kg/m2]"""
    start = first_stock(world, places)
    decay, growing = _decay(world), _harvest(world)
    inputs = management(world)
    slowing = 1.0 - PARAMETERS["paddy_slowing"] * _flooding(world, places)
    active = (1.0 - PARAMETERS["passive_share"]) * start
    fast = PARAMETERS["fast_share_of_active"] * active
    slow, passive = active - fast, start - active
    rate = slowing * decay.mean(axis=0, places=places)
    fast_loss, slow_loss = _loss("fast_decay", rate), _loss("slow_decay", rate)
    steady = fast * fast_loss  # the yearly input that keeps the fast pool
    humus = slow * slow_loss / steady  # the share of it that becomes slow: also kept
    past = _past(world, places)
    stock = np.empty((len(RUN_YEARS), len(start)), np.float32)
    stock[0] = start
    for at, year in enumerate(RUN_YEARS[1:], start=1):
        rate = slowing * decay.year(year, places)
        fast_out, slow_out = fast * _loss("fast_decay", rate), slow * _loss("slow_decay", rate)
        c_input = steady * past * inputs[places.county, at] * growing.year(year, places)
        fast, slow = fast - fast_out + c_input, slow - slow_out + humus * fast_out
        stock[at] = fast + slow + passive
    return stock


def first_stock(world: World, places: Places) -> np.ndarray:
    """Stock at the end of 1980: a part that covariates explain, a part that they do not. [kg/m2]"""
    explained, unexplained = first_parts(world, places)
    stock = (
        PARAMETERS["mean_stock_1980"]
        + PARAMETERS["sd_explained_by_covariates"] * explained
        + PARAMETERS["sd_of_unexplained_field"] * unexplained
    )
    return np.maximum(stock, LEAST_STOCK).astype(np.float32)


def first_parts(world: World, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """What covariates explain of the first stock, and what they do not: each (n,), mean 0, standard deviation 1."""
    lengths = PARAMETERS["correlation_lengths_of_unexplained_field"]
    fields = [world.random(f"unexplained {km}", km).at(places.lon, places.lat) for km in lengths]
    return _standard(_explained(world, places)), _standard(sum(_standard(field) for field in fields))


def _explained(world: World, places: Places) -> np.ndarray:
    land, where = world.land, (places.lon, places.lat)
    clay, wet = _standard(land.clay(*where)), _standard(land.terrain.wet.at(*where))
    vigour, slope = land.vigour.at(*where), land.terrain.slope.at(*where)
    height = np.clip(land.terrain.height.at(*where), 0, None)
    manured = _standard(world.counties.fertilizer[places.county, 0])
    # Clay protects less and less; wet clay holds most; on slopes the topsoil is thin.
    return (
        0.60 * np.tanh(0.9 * clay) + 0.50 * wet + 0.22 * np.clip(clay * wet, -2, 2) + 0.40 * vigour
        - 0.30 * np.tanh(slope / 2.0) + 0.25 * np.tanh(height / 60.0) + 0.22 * manured
    )  # fmt: skip


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _loss(pool: str, rate: np.ndarray) -> np.ndarray:
    """Share of a pool that decays in a year."""
    return -np.expm1(-PARAMETERS[pool] * rate)


def _flooding(world: World, places: Places) -> np.ndarray:
    """How long fields stand under water, 0-1: on low ground, and where farmers chose so."""
    wet = world.land.terrain.wet.at(places.lon, places.lat)
    choice = world.random("flooding", 12).at(places.lon, places.lat)
    return 1.0 / (1.0 + np.exp(-(2.0 * (wet - 0.9) + 0.8 * choice)))


def _past(world: World, places: Places) -> np.ndarray:
    """Input of 1980 against what would keep the stock: fields differ in their history."""
    field = world.random("history", 14).at(places.lon, places.lat)
    detail = world.random("history of fields", 2.5).at(places.lon, places.lat)
    return np.exp(0.075 + 0.07 * field + 0.075 * detail)


class _Yearly:
    """A yearly factor on the climate's cells, shape (years 1960-2000, rows, columns)."""

    def __init__(self, climate: Climate, values: np.ndarray):
        self.lattice, self.values = climate.lattice, values

    def year(self, year: int, places: Places) -> np.ndarray:
        values = self.values[CLIMATE_YEARS.index(year)]
        return Field(self.lattice, values).at(places.lon, places.lat)

    def mean(self, axis: int, places: Places) -> np.ndarray:
        """Mean of the years before the run."""
        before = self.values[: CLIMATE_YEARS.index(RUN_YEARS[0])]
        return Field(self.lattice, before.mean(axis=axis)).at(places.lon, places.lat)


def _decay(world: World) -> _Yearly:
    """Speed of decay against that at the reference temperature: Q10, and a hump over rain / demand."""
    climate = world.climate
    warm = PARAMETERS["q10"] ** ((climate.mean - PARAMETERS["reference_temperature"]) / 10.0)
    dampness = climate.rain / climate.demand
    moist = dampness / (0.35 + dampness) * 1.3 * np.exp(-0.06 * dampness)
    return _Yearly(climate, (warm * moist).mean(axis=1))


def _harvest(world: World) -> _Yearly:
    """Growth of a year against the mean: drought in summer and cold springs cost a part of it."""
    climate = world.climate
    drought = np.clip(climate.demand - climate.rain, 0, None)[:, 5:9].sum(axis=1)
    spring = climate.mean[:, 2:5].mean(axis=1)
    growth = np.exp(-0.0009 * (drought - drought.mean()) + 0.02 * (spring - spring.mean()))
    return _Yearly(climate, growth)


def management(world: World) -> np.ndarray:
    """Input against that of 1980, shape (counties, years): crops, green manure, straw."""
    half, response = PARAMETERS["fertilizer_half"], PARAMETERS["fertilizer_response"]
    fertilizer = world.counties.fertilizer
    crops = 1.0 + response * fertilizer / (fertilizer + half)
    crops = crops / crops[:, :1]
    rng = stream(world.seed, "management")
    count = len(fertilizer)
    years = np.arange(len(RUN_YEARS))[None, :]
    # Green manure was given up when the fields went to the households; straw came back later.
    given_up = spread(rng, 0.31, 0.41, count) * (1.0 - np.exp(-years / spread(rng, 0.8, 2.0, count)))
    begin, gain = spread(rng, 3.5, 7.0, count), spread(rng, 0.13, 0.41, count)
    straw = gain * (_logistic((years - begin) / 1.5) - _logistic(-begin / 1.5))
    return crops * (1.0 - given_up) * (1.0 + straw)


def _logistic(value: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-value))
