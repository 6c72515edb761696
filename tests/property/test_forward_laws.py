"""Laws of the run from drivers to stocks, for any soil and weather, in both engines."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from poml_map.rothc.drivers import Drivers, Weather
from poml_map.rothc.forward import run_drivers

settings.register_profile("forward", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("forward")

SITES, YEARS = 5, 2


@st.composite
def all_drivers(draw):
    """Places from tundra to desert; months are drawn at random around what Hypothesis picks."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    warmth, rain = draw(st.floats(-15, 35)), draw(st.sampled_from([0.0, 5.0, 60.0, 250.0]))
    evaporation, fastest = (
        draw(st.sampled_from([-10.0, 60.0, 250.0])),
        draw(st.sampled_from([0.3, 1.0, 80.0])),
    )
    is_share, with_manure = draw(st.booleans()), draw(st.booleans())
    cycle = draw(st.sampled_from([12, 24]))

    def weather(months):
        cover = random.uniform(0, 1, (months, SITES))
        return Weather(
            air_temp=warmth + random.uniform(-25, 25, (months, SITES)),
            precip=random.uniform(0, 1, (months, SITES)) * rain,
            evaporation=random.uniform(0, 1, (months, SITES)) * evaporation,
            cover=cover if is_share else np.round(cover),
            rate_factor=random.uniform(0, fastest, (months, SITES)),
        )

    weights = random.uniform(0, 1, (12, SITES)) ** draw(st.sampled_from([0, 1, 8]))
    return Drivers(
        spinup=weather(cycle),
        run=weather(12 * YEARS),
        clay=random.choice([1.5, 20.0, 65.0, 100.0], SITES),
        depth_cm=draw(st.floats(2, 100)),
        dpm_rpm=random.choice([0.0, 0.25, 1.44, 1e6], SITES),
        spinup_shares=np.tile(weights / weights.sum(axis=0), (cycle // 12, 1)),
        relative_input=random.uniform(0, 2, (12 * YEARS, SITES)),
        spinup_manure=random.uniform(0, 1e-4, (12, SITES)) if with_manure else None,
        manure=random.uniform(0, 0.5, (12 * YEARS, SITES)) if with_manure else None,
        pools=draw(st.sampled_from(["equilibrium", "weihermueller"])),
    )


stocks = arrays(float, SITES, elements=st.floats(0.5, 30))
laws = st.tuples(st.floats(0, 50), st.one_of(st.just(0.0), st.floats(1e-6, 10)))


def run(drivers, stock, law, **options):
    """The course, unless the drawn soil is frozen for ever or lives on manure alone."""
    try:
        return run_drivers(drivers, stock, *law, keep=("pools", "respired"), **options)
    except ValueError as refusal:
        if "sum of the cycle" not in str(refusal) and "manure alone" not in str(refusal):
            raise
        assume(False)


@given(all_drivers(), stocks, laws)
def test_the_compiled_engine_equals_the_plain_one(drivers, stock, law):
    """1e-9, but for soils that hardly decay: their equilibrium is a quotient of rounding errors in both engines."""
    assume((drivers.spinup.air_temp >= -5).any(axis=0).all())
    plain, fast = (run(drivers, stock, law, engine=engine) for engine in ("plain", "fast"))
    assume((plain.annual_input > 1e-6 * stock).all())
    for field in dataclasses.fields(plain):
        expected = getattr(plain, field.name)
        assert_allclose(getattr(fast, field.name), expected, rtol=1e-9, atol=1e-11, err_msg=field.name)


@pytest.mark.parametrize("engine", ["fast", "plain"])
@given(all_drivers(), stocks, laws)
def test_carbon_is_neither_made_nor_lost(engine, drivers, stock, law):
    course = run(drivers, stock, law, engine=engine)
    assert_allclose(
        course.added - course.respired, course.stock[-1] - course.stock[0], rtol=1e-12, atol=1e-10
    )
    assert (course.pools >= 0).all()
    assert (course.yearly_respired >= -1e-12).all()


@given(all_drivers(), stocks)
def test_the_start_is_the_observed_stock_and_stays_under_the_weather_of_the_spin_up(drivers, stock):
    drivers = dataclasses.replace(
        drivers,
        run=drivers.spinup,
        relative_input=drivers.spinup_shares,
        manure=None
        if drivers.spinup_manure is None
        else np.resize(drivers.spinup_manure, drivers.spinup_shares.shape),
        pools="equilibrium",
    )
    course = run(drivers, stock, (1.0, 0.0))
    assume((course.annual_input > 1e-6 * stock).all())
    assert_allclose(course.stock[0], stock, rtol=1e-12)
    assert_allclose(course.stock[-1], stock, rtol=0, atol=1e-6)


@given(all_drivers(), stocks, laws, st.integers(1, 4))
def test_each_site_runs_as_if_it_were_alone(drivers, stock, law, workers):
    together = run(drivers, stock, law, workers=workers)
    for site in range(SITES):

        def column(values, site=site):
            return None if values is None else values[..., [site]]

        parts = {
            name: column(value) if isinstance(value, np.ndarray) else value
            for name, value in vars(drivers).items()
        }
        for which in ("spinup", "run"):
            parts[which] = Weather(*map(column, vars(parts[which]).values()))
        alone = run(Drivers(**parts), stock[[site]], law)
        assert_allclose(alone.stock[:, 0], together.stock[:, site], rtol=1e-13)
