"""`poml_map.simulate` at places and at sites: columns and classes that feed RothC mean the same in both."""

import pytest
import xarray as xr

import poml_map

ROTHC = {
    "ratio by class": "dpm_rpm: {column: LAND_USE, values: {1: 0.25, 2: 1.44}}",
    "factor by class": "rate_factor: {column: LAND_USE, values: {2: paddy_rice_season}}",
    "factor for all": "rate_factor: paddy_all_year",
    "manure": "manure: MANURE",
    "the same input": "input_driver: constant",
    "groups": "groups: LAND_USE",
}


def _labelled(points, table):
    ids = sorted(table["site"].unique())
    stock = table.pivot_table(index="year", columns="site", values="stock").reindex(points["year"])[ids]
    here = points.assign(stock=(("year", "site"), stock.to_numpy(), {"units": "kg/m2"}))
    months = xr.date_range(f"{points['year'].values[0]}-01-01", periods=points.sizes["time"], freq="MS")
    rows = table.drop_duplicates("site").set_index("site").loc[ids]
    return here.assign_coords(
        site=ids, time=months, month=range(1, 13), x=("site", rows["x"]), y=("site", rows["y"])
    )


@pytest.mark.parametrize("text", ROTHC.values(), ids=ROTHC)
def test_columns_and_classes_of_a_region_mean_the_same_on_places_as_at_sites(text, region, points, observe):
    """Sites take `build_site_model`, places labelled data: two ways into RothC, sums in another order."""
    where, here = region(rothc=f"  {text}\n", land_use=True), points(24)
    ids = [f"s{number:02d}" for number in range(24)]
    observed = observe(where, here, ids, [1980] * 24, [(site, 1986) for site in range(24)])
    samples = _labelled(here, observed.table)
    parameters = poml_map.calibrate(samples, where)
    assert (parameters.groups is not None) == (text == ROTHC["groups"])
    at_sites = poml_map.simulate(samples, samples["stock"], where, parameters=parameters)
    first = samples["stock"].isel(year=0, drop=True)
    at_places = poml_map.simulate(samples, first, where, parameters=parameters)
    for name in at_sites:
        xr.testing.assert_allclose(at_sites[name].variable, at_places[name].variable, rtol=1e-9)
    lazy = poml_map.simulate(samples.chunk(site=5), first, where, parameters=parameters)
    assert lazy["stock"].chunks is not None
    xr.testing.assert_identical(lazy["stock"].compute().variable, at_places["stock"].variable)
