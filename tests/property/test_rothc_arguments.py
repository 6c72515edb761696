"""Every public function of poml_map.rothc, argument by argument: what it refuses, and what a missing value does.

A new public function has to be entered here: `test_every_public_function_is_in_the_table` says so.
"""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from poml_map import rothc

settings.register_profile("rothc", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("rothc")

SITES, YEARS = 3, 3
RNG = np.random.default_rng(12)


def months(low, high, n=24):
    return RNG.uniform(low, high, (n, SITES))


CLAY = np.array([12.0, 25.0, 40.0])
SHARES = months(0.1, 1, 12)
SHARES /= SHARES.sum(axis=0)
WATER = {
    "precip": months(10, 120),
    "evaporation": months(10, 120),
    "clay": CLAY,
    "depth_cm": 20.0,
    "cover": months(0, 1),
}
RUN = {"rate": months(0.2, 2), "c_input": months(0, 0.05), "clay": CLAY}
RUN |= {"dpm_rpm": np.array([1.44, 0.67, 0.25]), "manure": months(0, 0.001)}
MU = {"mu_max": 1.3, "k_m": 0.05}
START = {"start": RNG.uniform(0.01, 1, (4, SITES))}
IOM = {"iom": np.array([0.3, 0.4, 0.5])}
SPIN_UP = {
    "stock": np.array([8.0, 9.0, 10.0]),
    **IOM,
    "rate": months(0.2, 2),
    "monthly_fractions": SHARES,
    "clay": CLAY,
}
SPIN_UP |= {"dpm_rpm": RUN["dpm_rpm"], "manure": RUN["manure"]}
CALENDAR = {"air_temp": (-3, 28), "precip": (10, 120), "pet": (10, 120), "ndvi": (0.1, 0.8)}
DRIVERS = {f"run {name}": months(*ends, 12 * YEARS) for name, ends in CALENDAR.items()}
DRIVERS |= {f"spinup {name}": months(*ends, 24) for name, ends in CALENDAR.items()}
DRIVERS |= {"clay": CLAY, "driver": RNG.uniform(50, 150, (YEARS, SITES)), "dpm_rpm": RUN["dpm_rpm"]}
DRIVERS |= {"rate_factor": months(0.2, 1, 12), "manure": RNG.uniform(0, 0.1, (YEARS, SITES))}


WEATHER = {
    "air_temp": (-3, 28),
    "precip": (10, 120),
    "evaporation": (10, 120),
    "cover": (0, 1),
    "rate_factor": (0.2, 1),
}
COURSE = {f"{which} {name}": months(*ends) for which in ("spinup", "run") for name, ends in WEATHER.items()}
COURSE |= {
    "clay": CLAY,
    "dpm_rpm": RUN["dpm_rpm"],
    "spinup_shares": np.tile(SHARES, (2, 1)),
    "relative_input": months(0, 1),
}
COURSE |= {"spinup_manure": RUN["manure"], "manure": months(0, 0.001), "stock": SPIN_UP["stock"], **MU}


def from_drivers(function):
    """`prepare` and its like with the series as arguments of their own."""

    def call(clay, driver, **others):
        run, spinup = (
            {name: others.pop(f"{which} {name}") for name in CALENDAR} for which in ("run", "spinup")
        )
        options = rothc.Options(spinup="real_years", input_months="ndvi")
        return function(run, spinup, clay, driver, options, **others)

    return call


def derive(clay, depth_cm, dpm_rpm, spinup_shares, **weather):
    weather = rothc.Weather(**weather)
    return rothc.derive(
        rothc.Drivers(weather, weather, clay, depth_cm, dpm_rpm, spinup_shares, np.tile(SHARES, (2, 1)))
    )


def run_drivers(
    clay, dpm_rpm, spinup_shares, relative_input, spinup_manure, manure, stock, mu_max, k_m, **weather
):
    """The plain engine; tests/unit/rothc/test_forward.py holds the compiled one to it."""
    spinup, run = (
        rothc.Weather(**{name: weather[f"{which} {name}"] for name in WEATHER}) for which in ("spinup", "run")
    )
    carbon = spinup_shares, relative_input, spinup_manure, manure
    drivers = rothc.Drivers(spinup, run, clay, 20.0, dpm_rpm, *carbon)
    return rothc.run_drivers(drivers, stock, mu_max, k_m, engine="plain", keep=["pools", "respired"])


def forward(mu_max, k_m, **sites):
    return rothc.forward(rothc.CalibrationProblem(**sites), mu_max, k_m, [0, 12, 24])


TABLE = {
    "temperature_modifier": (rothc.temperature_modifier, {"air_temp": months(-30, 30)}),
    "cover_modifier": (rothc.cover_modifier, {"cover": months(0, 1)}),
    "cover_from_ndvi": (rothc.cover_from_ndvi, {"ndvi": months(0, 1)}),
    "cover_fraction_from_ndvi": (rothc.cover_fraction_from_ndvi, {"ndvi": months(0, 1)}),
    "shares_from_ndvi": (rothc.shares_from_ndvi, {"ndvi": months(0, 1)}),
    "evaporation_from_pan": (rothc.evaporation_from_pan, {"pan_evaporation": months(0, 100)}),
    "largest_deficit": (rothc.largest_deficit, {"clay": CLAY, "depth_cm": 20.0}),
    "moisture_deficit": (rothc.moisture_deficit, {**WATER, "initial": np.array([-3.0, -20.0, 0.0])}),
    "periodic_deficit": (rothc.periodic_deficit, WATER),
    "moisture_modifier": (
        rothc.moisture_modifier,
        {"deficit": -months(0, 30), "clay": CLAY, "depth_cm": 20.0},
    ),
    "rate_modifier": (
        rothc.rate_modifier,
        {
            "air_temp": months(-30, 30),
            **WATER,
            "initial_deficit": np.array([-3.0, -20.0, 0.0]),
            "rate_factor": months(0, 1),
        },
    ),
    "humification": (rothc.humification, {"clay": CLAY}),
    "inert_carbon": (rothc.inert_carbon, {"stock": SPIN_UP["stock"]}),
    "michaelis_menten": (rothc.michaelis_menten, {"bio": months(0, 1), **MU}),
    "simulate": (rothc.simulate, {**START, **RUN, **MU}),
    "simulate_stock": (rothc.simulate_stock, {**START, **IOM, **RUN, **MU, "record": [24]}),
    "carbon_balance": (rothc.carbon_balance, {**START, **RUN, **MU}),
    "equilibrium": (rothc.equilibrium, RUN),
    "required_input": (rothc.required_input, SPIN_UP),
    "start_state": (rothc.start_state, SPIN_UP),
    "weihermueller": (
        rothc.weihermueller,
        {name: SPIN_UP[name] for name in ("stock", "clay", "iom")},
    ),
    "prepare": (from_drivers(rothc.prepare), DRIVERS),
    "build_forcing": (from_drivers(rothc.build_forcing), DRIVERS),
    "derive": (
        derive,
        {
            **WATER,
            "air_temp": months(-3, 28),
            "rate_factor": months(0, 1),
            "dpm_rpm": RUN["dpm_rpm"],
            "spinup_shares": np.tile(SHARES, (2, 1)),
        },
    ),
    "carbon_stock": (
        rothc.carbon_stock,
        {
            "soc_content": np.array([10.0, 20, 30]),
            "bulk_density": np.array([1.2, 1.3, 1.4]),
            "coarse_fragments": np.array([0.0, 0.1, 0.2]),
            "depth_cm": 20.0,
        },
    ),
    "run_drivers": (run_drivers, COURSE),
    "forward": (forward, {**START, **IOM, **RUN, **MU}),
}

# Public functions without a site axis of physical values; their refusals are tested beside them.
ELSEWHERE = {
    "by_class",  # classes, tests/unit/rothc/test_columns.py
    "calibrate",
    "calibrate_groups",
    "crop_calendar_shares",
    "dpm_rpm_of",
    "flooded_months",
    "part_of_map",
    "rate_factor_preset",
    "solve_constant_mu",
}


def test_every_public_function_is_in_the_table():
    public = {name for name in rothc.__all__ if inspect.isfunction(getattr(rothc, name))}
    assert public == TABLE.keys() | ELSEWHERE


# What is put in place of the last value of an argument, and what the refusal must say beside it.
NEGATIVE = (-1.0, "-1")
INFINITE = (np.inf, "inf")
IMPOSSIBLE = {
    "air_temp": [(288.15, "kelvin"), (-9999.0, "no-data")],
    "precip": [NEGATIVE, INFINITE, (32767.0, "0 to 20000")],
    "evaporation": [(-99.0, "-50 to 20000"), INFINITE],
    "pet": [(-99.0, "-50 to 20000"), INFINITE],
    "pan_evaporation": [(-99.0, "-50 to 20000"), INFINITE],
    "ndvi": [(5600.0, "scale factor"), (-3000.0, "-1 to 1")],
    "cover": [(60.0, "percent divided by 100"), (-0.5, "0 to 1")],
    "coarse_fragments": [(12.0, "percent divided by 100")],
    "clay": [(234.0, "g/kg divided by 10"), (-1.0, "0 to 100")],
    "depth_cm": [(0.2, "centimetres"), (2000.0, "1 to 300")],
    "deficit": [(3.0, "at or below 0")],
    "initial": [(3.0, "at or below 0")],
    "initial_deficit": [(3.0, "at or below 0")],
    "stock": [(-1.0, "-1"), INFINITE],
    "record": [(25, "0 to 24 months"), (-1, "0 to 24 months")],
    "soc_content": [NEGATIVE, (4200.0, "g/kg")],
    "bulk_density": [NEGATIVE, (1300.0, "kg/m3 divided by 1000")],
    "driver": [NEGATIVE, INFINITE],
} | {
    name: [NEGATIVE, INFINITE]
    for name in (
        "rate",
        "c_input",
        "manure",
        "dpm_rpm",
        "rate_factor",
        "start",
        "iom",
        "bio",
        "mu_max",
        "k_m",
    )
}
UNCHECKED = {
    ("derive", "dpm_rpm"),
    ("derive", "spinup_shares"),
}  # handed on to `start_state`, which looks at them


def plain(argument):
    return argument.split()[-1]


def spoilt(value, bad):
    array = np.array(value, float if np.ndim(value) == 0 or not isinstance(value, list) else int)
    array[(-1,) * array.ndim] = bad
    return array


REFUSED = [
    pytest.param(name, argument, bad, words, id=f"{name}-{argument}-{bad}")
    for name, (_, good) in TABLE.items()
    for argument in good
    for bad, words in IMPOSSIBLE.get(plain(argument), [])
    if (name, argument) not in UNCHECKED
]


@pytest.mark.parametrize(("name", "argument", "bad", "words"), REFUSED)
def test_an_impossible_value_is_refused_by_name_place_value_range_and_mend(name, argument, bad, words):
    function, good = TABLE[name]
    value = spoilt(good[argument], bad)
    with pytest.raises(ValueError) as refusal:
        function(**(good | {argument: value}))
    place = f"[{', '.join(str(length - 1) for length in value.shape)}]" if value.ndim else ""
    text = str(refusal.value)
    for part in (f"{argument}{place} is {bad:.6g}", words, ", expected ", "Mend: "):
        assert part in text, text


WITH_CLAY = [name for name, (_, good) in TABLE.items() if "clay" in good]


@pytest.mark.parametrize("name", WITH_CLAY)
def test_clay_as_a_fraction_is_refused_except_in_part_of_a_map(name):
    function, good = TABLE[name]
    fraction = good | {"clay": CLAY / 100}
    with pytest.raises(ValueError, match=r"clay\[2\] is 0.4, .* fraction, expected 0 to 100.*Mend: "):
        function(**fraction)
    with rothc.part_of_map():
        function(**fraction)


def has_sites(argument, value):
    return np.ndim(value) > 0 and argument != "record"


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        (name, argument)
        for name, (_, good) in TABLE.items()
        for argument, value in good.items()
        if has_sites(argument, value) and (name, argument) not in UNCHECKED
        if sum(has_sites(*item) for item in good.items()) > 1
    ],
)
def test_shapes_that_do_not_fit_together_are_refused(name, argument):
    """Five sites in one argument, three in the others."""
    function, good = TABLE[name]
    five = np.concatenate([good[argument], good[argument][..., :2]], axis=-1)
    with pytest.raises(ValueError, match=r"5.*Mend: "):
        function(**(good | {argument: five}))


WHOLE_YEARS = {
    "periodic_deficit": ["precip", "evaporation", "cover"],
    "shares_from_ndvi": ["ndvi"],
    "equilibrium": ["rate", "c_input", "manure"],
    "required_input": ["rate", "manure", "monthly_fractions"],
    "start_state": ["rate", "manure", "monthly_fractions"],
    "prepare": [f"{which} {name}" for which in ("run", "spinup") for name in CALENDAR] + ["rate_factor"],
}


@pytest.mark.parametrize(
    ("name", "argument"), [(n, a) for n, arguments in WHOLE_YEARS.items() for a in arguments]
)
def test_months_that_are_no_whole_years_are_refused(name, argument):
    function, good = TABLE[name]
    with pytest.raises(ValueError, match=rf"{plain(argument)}.*(months|\().*Mend: "):
        function(**(good | {argument: good[argument][:-1]}))
    every = {key: good[key][:-1] for key in WHOLE_YEARS[name]}
    with pytest.raises(ValueError, match=r" \d+ months on axis 0, expected .*12.*Mend: "):
        function(**(good | every))


@pytest.mark.parametrize("name", ["required_input", "start_state", "weihermueller"])
def test_a_stock_at_or_below_its_inert_carbon_is_refused(name):
    function, good = TABLE[name]
    for iom in (good["stock"][2], good["stock"][2] + 1):
        with pytest.raises(
            ValueError, match=r"stock\[2\] is 10, expected more than its inert carbon.*Mend: "
        ):
            function(**(good | {"iom": spoilt(good["iom"], iom)}))
    with pytest.raises(ValueError, match=r"stock\[2\] is 0, expected .* above 0.*Mend: "):
        function(**(good | {"stock": spoilt(good["stock"], 0.0)}))


def arrays_of(result):
    """The arrays with a site axis in whatever a function returns."""
    if isinstance(result, np.ndarray | float):
        return [np.asarray(result)]
    if isinstance(result, tuple):
        return [array for part in result for array in arrays_of(part)]
    fields = [value for value in vars(result).values() if value is not None]
    return [
        array
        for field in fields
        if not isinstance(field, str | float)
        for array in arrays_of(field)
        if array.shape[-1:] == (SITES,)
    ]


MISSING = [
    (name, argument)
    for name, (_, good) in TABLE.items()
    for argument, value in good.items()
    if has_sites(argument, value)
]
# Arguments of which a gap leaves the other results of its site as they are, by what the function says of them.
PARTLY = {
    "rate_modifier",
    "moisture_deficit",
    "simulate",
    "forward",
    "prepare",
    "derive",
    "build_forcing",
    "run_drivers",
}


@pytest.mark.parametrize(("name", "argument"), MISSING)
@settings(max_examples=6)
@given(data=st.data())
def test_a_missing_value_makes_its_own_site_missing_and_no_other(name, argument, data):
    function, good = TABLE[name]
    value = np.array(good[argument], float)
    unused = 12 if argument.startswith("run ") else 0  # the months before t1
    first = [unused, *[0] * (value.ndim - 1)]
    index = tuple(data.draw(st.integers(low, n - 1)) for low, n in zip(first, value.shape, strict=True))
    value[index] = np.nan
    whole, holed = (arrays_of(function(**(good | change))) for change in ({}, {argument: value}))
    site = index[-1]
    assert any(np.isnan(array[..., site]).any() for array in holed)
    for before, after in zip(whole, holed, strict=True):
        assert_array_equal(np.delete(after, site, axis=-1), np.delete(before, site, axis=-1))
        if name not in PARTLY and before.ndim == 1:
            assert np.isnan(after[site])


@pytest.mark.parametrize("argument", [*START, *RUN])
@settings(max_examples=10)
@given(data=st.data())
def test_after_a_missing_value_no_pool_of_the_site_is_known(argument, data):
    good = {**START, **RUN}
    value = good[argument].copy()
    index = tuple(data.draw(st.integers(0, length - 1)) for length in value.shape)
    value[index] = np.nan
    pools = rothc.simulate(**(good | {argument: value}))
    first = index[0] if argument in ("rate", "c_input", "manure") else 0
    assert np.isnan(pools[first:, :, index[-1]]).all()
    assert np.isfinite(pools[:first]).all()


@pytest.mark.parametrize("argument", RUN)
def test_no_pool_is_known_of_an_equilibrium_with_a_gap(argument):
    pools = rothc.equilibrium(**(RUN | {argument: spoilt(RUN[argument], np.nan)}))
    assert_array_equal(np.isnan(pools), np.broadcast_to([False, False, True], (4, SITES)))
