"""RothC at the sites: any order, any first campaign, and refusals that name the site."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.errors import InputError
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model
from poml_map.rothc import (
    build_forcing,
    cover_from_ndvi,
    inert_carbon,
    periodic_deficit,
    rate_modifier,
    simulate_stock,
    start_state,
)
from poml_map.rothc.presets import RATE_FACTORS


def _built(region, samples, points):
    return build_site_model(region, samples, points, process_options(region))


def _one_by_hand(points, site, stock, first, month, mu_max, k_m):
    """Stocks at the end of `month` of each year from the first campaign on, counted by calendar dates."""
    start = [(1980 + index // 12, index % 12 + 1) for index in range(84)]
    after = [index for index, date in enumerate(start) if (1980, month) < date <= (1986, month)]
    clay = points["CLAY"].to_numpy()[site].astype(float)
    names = ("air_temp", "precip", "pet", "ndvi")
    mean = {name: points[f"{name}_spinup"].to_numpy()[:, site].astype(float) for name in names}
    # The twelve months after the sampling month, which comes last.
    turned = [(month + step) % 12 for step in range(12)]
    mean = {name: values[turned] for name, values in mean.items()}
    run = {name: points[name].to_numpy()[after, site].astype(float) for name in names}
    dry = periodic_deficit(mean["precip"], mean["pet"], clay, 20.0, cover_from_ndvi(mean["ndvi"], 0.4))[-1]

    def rate(drivers):
        cover = cover_from_ndvi(drivers["ndvi"], 0.4)
        weather = drivers["air_temp"], drivers["precip"], drivers["pet"]
        return rate_modifier(*weather, clay, 20.0, cover, initial_deficit=dry)[0]

    state = start_state(stock, rate(mean), np.full(12, 1 / 12), clay)
    own = [position for position, index in enumerate(after) if start[index] > (first, month)]
    driver = points["FER"].to_numpy()[:, site].astype(float)
    years = np.array([start[after[position]][0] for position in own])
    c_input = state.annual_input / 12 * driver[years - 1980] / driver[first - 1980]
    record = 12 * np.arange(1986 - first + 1)
    return simulate_stock(
        state.pools, state.iom, rate(run)[own], c_input, clay, record=record, mu_max=mu_max, k_m=k_m
    )


@pytest.mark.parametrize("month", [12, 6, 1])
def test_each_site_runs_from_its_own_first_campaign_by_the_calendar(region, points, samples_of, month):
    where, here = region(top=f"sampling_month: {month}\n"), points(3)
    rows = [("c", 1983, 4.0), ("a", 1980, 5.0), ("b", 1985, 3.0)]
    stocks = _built(where, samples_of(rows), here).simulate(1.4, 0.06)
    for site, (_, first, stock) in enumerate(rows):
        assert np.isnan(stocks[: first - 1980, site]).all()
        assert_allclose(stocks[first - 1980, site], stock, rtol=1e-14)
        by_hand = _one_by_hand(here, site, stock, first, month, 1.4, 0.06)
        assert_allclose(stocks[first - 1980 :, site], by_hand, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_and_sites_does_not_matter(region, points, observe, seed):
    where, here = region(), points(6)
    ids = ["s10", "s2", "B", "a", "7", "s1"]
    first = [1980, 1982, 1981, 1980, 1984, 1980]
    samples = observe(where, here, ids, first, [(0, 1985), (3, 1983), (3, 1986), (1, 1984)])
    expected = _built(where, samples, here)
    table = samples.table.iloc[np.random.default_rng(seed).permutation(len(samples.table))]
    mixed = dataclasses.replace(samples, table=table)
    order = [ids.index(site) for site in mixed.sites["site"]]
    model = _built(where, mixed, here.isel(site=order))
    assert_array_equal(model.simulate(1.4, 0.06), expected.simulate(1.4, 0.06)[:, order])
    assert_array_equal(model.annual_input, expected.annual_input[order])

    def observations(each, site_ids):
        problem = each.problem
        sites = np.array(site_ids)[problem.site_index]
        return sorted(zip(sites.tolist(), problem.month_index.tolist(), problem.stock.tolist(), strict=True))

    assert observations(model, mixed.sites["site"]) == observations(expected, ids)


DRIVERS = ("air_temp", "precip", "pet", "ndvi")
OPTIONS = {
    "real years": ("spinup: real_years", {}),
    "share of cover": ("cover: fraction", {}),
    "input by NDVI": ("input_months: ndvi", {}),
    "ratio by class": (
        "dpm_rpm: {column: LAND_USE, values: {1: 0.25, 2: 1.44}}",
        {"dpm_rpm": np.array([0.25, 1.44, 0.25])},
    ),
    "factor by class": (
        "rate_factor: {column: LAND_USE, values: {2: paddy_rice_season}}",
        {
            "rate_factor": np.column_stack(
                [np.ones(12), RATE_FACTORS["paddy_rice_season"].months, np.ones(12)]
            )
        },
    ),
    "factor for all": ("rate_factor: paddy_all_year", {"rate_factor": np.full((12, 1), 0.4)}),
    "manure": ("manure: MANURE\n  manure_months: [0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]", {"manure": "MANURE"}),
    "constant input": ("input_driver: constant", {"driver": np.ones((7, 1))}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_at_the_sites_is_what_the_core_gives_with_it(region, points, samples_of, name):
    (text, given), here = OPTIONS[name], points(3)
    where = region(("  cover_ndvi: 0.4\n", f"  {text}\n"), land_use=True)
    if name == "real years":
        for driver in DRIVERS:
            here[f"{driver}_spinup"] = ("spinup_time", "site"), here[driver].to_numpy()[::-1]
    samples = samples_of([("a", 1980, 4.0), ("b", 1980, 5.0), ("c", 1980, 3.0)])
    stocks = _built(where, samples, here).simulate(1.4, 0.06)
    run, spinup = ({each: here[f"{each}{end}"].to_numpy() for each in DRIVERS} for end in ("", "_spinup"))
    given = {"driver": here["FER"].to_numpy()} | given
    if "manure" in given:
        given["manure"] = here["MANURE"].to_numpy()
    forcing = build_forcing(run, spinup, here["CLAY"].to_numpy(), options=process_options(where), **given)
    soil = {"clay": forcing.clay, "dpm_rpm": forcing.dpm_rpm}
    state = start_state(
        [4.0, 5.0, 3.0], forcing.spinup_rate, forcing.spinup_shares, manure=forcing.spinup_manure, **soil
    )
    c_input = forcing.relative_input * state.annual_input
    series = {"rate": forcing.rate, "c_input": c_input, "manure": forcing.manure, "record": forcing.record}
    expected = simulate_stock(state.pools, state.iom, **series, **soil, mu_max=1.4, k_m=0.06)
    assert_allclose(stocks, expected, rtol=1e-12)
    assert not np.allclose(stocks, _built(region(), samples, points(3)).simulate(1.4, 0.06), rtol=1e-3)


def test_a_later_site_has_the_manure_of_its_own_first_campaign_in_the_spinup(region, points, samples_of):
    """No manure before 1983 and the same from then on: a site that begins in 1983 is in balance with it."""
    where, here = region(rothc="  manure: MANURE\n  input_driver: constant\n", land_use=True), points(2)
    here["MANURE"][:] = np.where(np.arange(7) < 3, 0.0, 0.05)[:, None]
    for name in DRIVERS:
        mean = here[f"{name}_spinup"].to_numpy()
        here[name][:] = np.tile(mean, (7, 1))
    stocks = _built(where, samples_of([("a", 1983, 4.0), ("b", 1980, 4.0)]), here).simulate(1.0, 0.0)
    assert_allclose(stocks[3:, 0], 4.0, rtol=1e-9)
    assert stocks[-1, 1] > 4.05


def test_a_class_without_a_ratio_is_refused_with_the_site(region, points, samples_of):
    where = region(rothc="  dpm_rpm: {column: LAND_USE, values: {1: 1.44}}\n", land_use=True)
    text = _refused(where, samples_of([(site, 1980, 4.0) for site in "pqr"]), points(3))
    assert "site q" in text
    assert "LAND_USE[1] is 2, expected one of the classes 1" in text


def test_classes_of_the_groups_stand_with_the_sites(region, points, samples_of):
    where = region(rothc="  groups: LAND_USE\n", land_use=True)
    rows = [(site, 1980, 4.0) for site in "pqr"]
    assert_array_equal(_built(where, samples_of(rows), points(3)).classes, [1, 2, 1])
    assert _built(region(), samples_of(rows), points(3)).classes is None


def test_only_later_campaigns_are_observations_to_fit(region, points, observe):
    where, here = region(), points(3)
    later = [(0, 1983), (0, 1986), (2, 1985)]
    samples = observe(where, here, ["a", "b", "c"], [1980, 1981, 1982], later)
    problem = _built(where, samples, here).problem
    found = zip(problem.site_index.tolist(), problem.month_index.tolist(), strict=True)
    assert sorted(found) == [(0, 36), (0, 72), (2, 60)]
    assert_array_equal(problem.start_month, [0, 12, 24])


def test_a_static_column_may_drive_the_input(region, points, samples_of):
    where, here = region(rothc="  input_driver: ELEV\n"), points(2)
    here["ELEV"] = "site", np.array([3.0, 7.0], "float32")
    model = _built(where, samples_of([("a", 1980, 4.0), ("b", 1981, 5.0)]), here)
    assert_allclose(model.problem.c_input.sum(axis=0), 6 * model.annual_input)


def test_the_rate_jump_starts_at_the_sites_own_first_campaign(region, points, samples_of):
    where, here = region(), points(2)
    here["air_temp"][:36] -= 10
    model = _built(where, samples_of([("a", 1980, 4.0), ("b", 1982, 4.0)]), here)
    spinup = model.problem.rate[24:, 1].mean() / model.rate_jump[1]
    assert model.problem.rate[:24, 1].mean() < spinup
    assert model.rate_jump[1] > model.rate_jump[0]


def test_a_site_first_sampled_in_the_last_year_has_one_stock_and_no_jump(region, points, samples_of):
    model = _built(region(), samples_of([("a", 1980, 4.0), ("b", 1986, 5.0)]), points(2))
    stocks = model.simulate(1.4, 0.06)
    assert np.isnan(stocks[:-1, 1]).all()
    assert_allclose(stocks[-1, 1], 5.0, rtol=1e-14)
    assert np.isnan(model.rate_jump[1])
    assert np.isfinite(model.rate_jump[0])


def _refused(region, samples, points):
    with pytest.raises(InputError) as refusal:
        _built(region, samples, points)
    assert refusal.value.exit_code == 2
    return str(refusal.value)


@pytest.mark.parametrize("stock", [0.0, -1.5, np.nan, np.inf])
@pytest.mark.parametrize("row", [1, 2])
def test_a_stock_that_is_none_is_refused_with_site_and_year(region, points, samples_of, stock, row):
    rows = [("plot_a", 1980, 4.0), ("plot_b", 1982, 5.0), ("plot_a", 1984, 4.2)]
    rows[row] = (*rows[row][:2], stock)
    text = _refused(region(), samples_of(rows), points(2))
    assert "samples.csv" in text
    assert f"site {rows[row][0]}, {rows[row][1]}" in text
    assert "above 0 kg/m2" in text


def test_a_stock_below_its_inert_carbon_is_refused_with_the_site(region, points, samples_of, monkeypatch):
    """No real stock is, so the inert carbon is made larger."""
    monkeypatch.setattr(
        "poml_map.rothc.spinup.inert_carbon", lambda stock: np.where(stock < 3, 3.0, inert_carbon(stock))
    )
    text = _refused(region(), samples_of([("plot_a", 1980, 4.0), ("plot_b", 1982, 2.0)]), points(2))
    assert "site plot_b" in text
    assert "inert carbon" in text


def test_a_place_that_is_frozen_all_year_is_refused_with_the_site(region, points, samples_of):
    here = points(3)
    here["air_temp_spinup"][:, 1] = -30
    text = _refused(region(), samples_of([(site, 1980, 4.0) for site in "pqr"]), here)
    assert "site q:" in text


def test_an_impossible_driver_is_refused_with_the_site(region, points, samples_of):
    here = points(3)
    here["air_temp"][40, 2] = 290
    assert "site r:" in _refused(region(), samples_of([(site, 1980, 4.0) for site in "pqr"]), here)


def test_clay_as_a_fraction_is_refused(region, points, samples_of):
    here = points(2)
    here["CLAY"] /= 100
    text = _refused(region(), samples_of([("a", 1980, 4.0), ("b", 1980, 4.0)]), here)
    assert "fraction" in text
    assert "percent" in text


@pytest.mark.parametrize(("year", "site"), [(1980, 0), (1980, 1), (1983, 1)])
def test_no_fertilizer_in_a_year_that_inputs_are_scaled_by_is_refused(region, points, samples_of, year, site):
    here = points(2)
    here["FER"][year - 1980, site] = 0
    text = _refused(region(), samples_of([("a", 1980, 4.0), ("b", 1983, 4.0)]), here)
    assert f"FER of 0 (site {'ab'[site]}, {year})" in text
    assert "input_driver" in text


def test_no_fertilizer_in_another_year_is_no_input(region, points, samples_of):
    here = points(2)
    here["FER"][3, 0] = 0
    model = _built(region(), samples_of([("a", 1980, 4.0), ("b", 1983, 4.0)]), here)
    assert_array_equal(model.problem.c_input[24:36, 0], 0)
    assert np.isfinite(model.simulate(1.0, 0.0)[:, 0]).all()
