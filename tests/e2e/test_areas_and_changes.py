"""Changes and areas of a run: what the maps, the tables and the vector files say must be one thing."""

import json
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from poml_map.pipeline.run import run_region
from poml_map.products import made_maps, read_map


def _map(run, name):
    return read_map(run / "maps" / f"{name}.tif")


def _table(run, name):
    return pd.read_csv(
        run / f"{name}.csv", dtype={"zone": str}, keep_default_na=False, na_values=[""]
    ).assign(zone=lambda table: table["zone"].fillna(""))


def test_the_change_lies_inside_its_interval_and_its_class_follows_from_it(with_intervals):
    change, low, high, sd, classes = (
        _map(with_intervals, f"CHANGE_POML{part}_1980_2000") for part in ("", "_q05", "_q95", "_sd", "_class")
    )
    here = np.isfinite(_map(with_intervals, "SOCS_POML_1990"))
    for each in (change, low, high, sd, classes):
        np.testing.assert_array_equal(np.isfinite(each), here)
    assert ((low <= change) & (change <= high))[here].mean() > 0.99
    assert (sd[here] > 0).all()
    np.testing.assert_array_equal(classes[here], ((low > 0).astype(int) - (high < 0))[here])
    told = json.loads((with_intervals / "manifest.json").read_text())["change"]
    assert told["classes"] == {
        "loss": (classes == -1).sum(),
        "not detectable": (classes == 0).sum(),
        "gain": (classes == 1).sum(),
    }


def test_maps_of_the_change_say_what_they_are(with_intervals):
    with rasterio.open(with_intervals / "maps" / "CHANGE_POML_q05_1980_2000.tif") as file:
        tags = file.tags()
        assert file.descriptions == ("CHANGE_POML_q05 1980-2000",)
    assert tags["POML_MAP_FIRST_YEAR"] == "1980"
    assert tags["POML_MAP_YEAR"] == "2000"
    assert tags["POML_MAP_CALIBRATION"] == "60 changes at held-out sites, 1980-2000"
    assert "lower limit of the 90 % interval of the change of a sample" in tags["TIFFTAG_IMAGEDESCRIPTION"]
    with rasterio.open(with_intervals / "maps" / "RATE_PO_1980_2000.tif") as file:
        assert file.units == ("kg m-2 year-1",)
    groups = {made.group for made in made_maps(with_intervals)}
    assert groups == {"POML", "ML", "PO", "intervals", "change"}


def test_the_table_of_areas_agrees_with_the_maps_and_the_manifest(with_intervals):
    table = _table(with_intervals, "zones")
    whole = table[table["zone"] == ""]
    means = json.loads((with_intervals / "manifest.json").read_text())["regional_mean"]
    for model, series in means["models"].items():
        np.testing.assert_allclose(whole[whole["model"] == model]["mean"], series, rtol=1e-5)
    np.testing.assert_allclose(table["total_kt"], table["mean"] * table["area_km2"], rtol=1e-4)
    zones = table[(table["zone"] != "") & (table["model"] == "POML") & (table["year"] == 1990)]
    pixels = np.isfinite(_map(with_intervals, "SOCS_POML_1990")).sum()
    assert whole["n_pixels"].unique() == [pixels]
    assert zones["n_pixels"].sum() <= pixels


def test_intervals_of_means_are_narrower_than_those_of_pixels_and_wider_than_independent_ones(with_intervals):
    table = _table(with_intervals, "zones")
    poml = table[table["model"] == "POML"]
    assert table[table["model"] == "PO"]["mean_low"].isna().all()
    whole = poml[(poml["zone"] == "") & (poml["year"] == 2000)].iloc[0]
    width = whole["mean_high"] - whole["mean_low"]
    low, high = (_map(with_intervals, f"SOCS_POML_{part}_2000") for part in ("q05", "q95"))
    of_pixels = np.nanmean(high - low)
    assert 2 * of_pixels / np.sqrt(whole["n_pixels"]) < width < of_pixels
    fitted = json.loads((with_intervals / "manifest.json").read_text())["areas"]
    assert 0 <= fitted["correlation"]["POML"]["level"]["share"] <= 1
    assert fitted["level"] == 0.9


def test_what_is_adjusted_is_what_held_out_sites_say(with_intervals):
    """A zone by its own sites, drawn towards the other zones."""
    held = pd.read_csv(with_intervals / "cross_validation.csv")
    held = held[held["year"] == 2000].assign(residual=lambda rows: rows["observed"] - rows["POML"])
    samples = gpd.read_file(with_intervals / "samples.gpkg").query("year == 2000")
    zones = gpd.read_file(with_intervals / "zones.gpkg")
    of_sites = gpd.sjoin(samples, zones[["zone", "geometry"]]).merge(held, on="site")
    own = of_sites.groupby("zone")["residual"].mean()
    table = _table(with_intervals, "zones")
    rows = table[(table["model"] == "POML") & (table["year"] == 2000)].set_index("zone").loc[own.index]
    correction = rows["mean_adjusted"] - rows["mean"]
    assert correction.between(own.min() - 1e-6, own.max() + 1e-6).all()
    assert np.corrcoef(correction, own)[0, 1] > 0.95
    assert correction.std() <= own.std()
    np.testing.assert_allclose((rows["mean_low"] + rows["mean_high"]) / 2, rows["mean_adjusted"], rtol=1e-4)
    assert list(rows["n_sites"]) == list(of_sites.groupby("zone").size())


def test_between_campaigns_limits_are_wider_than_in_them(with_intervals):
    """No held-out site tells whether the way of the map between them is right."""
    table = _table(with_intervals, "zones")
    whole = table[(table["zone"] == "") & (table["model"] == "POML")].set_index("year")
    width = whole["mean_high"] - whole["mean_low"]
    assert width[[1980, 2000]].max() < width.drop([1980, 2000]).min()


def test_zones_are_a_vector_file_joined_by_their_key(with_intervals):
    zones = gpd.read_file(with_intervals / "zones.gpkg").set_index("zone")
    changes = _table(with_intervals, "zone_changes")
    poml = changes[(changes["model"] == "POML") & (changes["zone"] != "")].set_index("zone")
    assert set(poml.index) <= set(zones.index)
    np.testing.assert_allclose(zones.loc[poml.index, "change"], poml["change"], rtol=1e-4)
    np.testing.assert_allclose(zones["mean_2000"] - zones["mean_1980"], zones["change"], rtol=1e-3, atol=1e-5)
    samples = gpd.read_file(with_intervals / "samples.gpkg")
    assert list(samples.columns) == ["site", "year", "stock", "unit", "geometry"]
    assert len(samples) == 120
    assert samples.crs == zones.crs


@pytest.fixture(scope="session")
def otherwise(demo, tmp_path_factory):
    """The same run in t/ha and with control of false discoveries."""
    folder = tmp_path_factory.mktemp("e2e")
    region = shutil.copytree(demo, folder / "demo") / "region.yaml"
    text = region.read_text().replace("units: kg/m2", "units: t/ha").replace("n_trees: 200", "n_trees: 40")
    region.write_text(text + "\nintervals: {draws: 10, change_control: false_discovery}\n")
    run_region(region, folder / "run")
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["CHANGE_POML_1980_2000", "CHANGE_POML_q95_1980_2000", "RATE_ML_1980_2000", "SOCS_POML_q05_1990"],
)
def test_another_unit_changes_the_values_of_maps(with_intervals, otherwise, name):
    np.testing.assert_allclose(_map(otherwise, name), 10 * _map(with_intervals, name), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_another_unit_changes_tables_limits_and_labels_and_no_total(with_intervals, otherwise):
    for name, columns in (
        ("zones", ["mean", "mean_adjusted", "mean_low"]),
        ("zone_changes", ["change", "change_high", "rate"]),
    ):
        per_hectare, per_square_metre = _table(otherwise, name), _table(with_intervals, name)
        np.testing.assert_allclose(per_hectare[columns], 10 * per_square_metre[columns], rtol=1e-4)
        total = [column for column in per_hectare if column.startswith("total")]
        np.testing.assert_allclose(per_hectare[total], per_square_metre[total], rtol=1e-4)
        assert (set(per_hectare["unit"]), set(per_square_metre["unit"])) == ({"t C ha-1"}, {"kg C m-2"})
    for name in ("zones", "samples"):
        assert set(gpd.read_file(otherwise / f"{name}.gpkg")["unit"]) == {"t C ha-1"}
    samples = [gpd.read_file(run / "samples.gpkg")["stock"] for run in (otherwise, with_intervals)]
    np.testing.assert_allclose(samples[0], 10 * samples[1])
    with rasterio.open(otherwise / "maps" / "RATE_ML_1980_2000.tif") as file:
        assert file.units == ("t ha-1 year-1",)
        assert "in t C ha-1 year-1" in file.tags()["TIFFTAG_IMAGEDESCRIPTION"]


@pytest.mark.slow
def test_with_control_of_false_discoveries_no_more_changes_are_told(with_intervals, otherwise):
    each, controlled = (_map(run, "CHANGE_POML_class_1980_2000") for run in (with_intervals, otherwise))
    assert (np.abs(controlled) <= np.abs(each))[np.isfinite(each)].all()
    with rasterio.open(otherwise / "maps" / "CHANGE_POML_class_1980_2000.tif") as file:
        assert file.tags()["POML_MAP_CONTROL"] == "false_discovery"


def test_means_have_limits_without_intervals_of_pixels_too(finished):
    table = _table(finished, "zones")
    assert table[table["model"] == "POML"]["mean_low"].notna().any()
    assert not list((finished / "maps").glob("CHANGE_POML_q*"))
    assert (finished / "maps" / "CHANGE_POML_1980_2000.tif").exists()


def test_a_zone_without_a_site_has_no_limits_and_is_named(finished):
    table = _table(finished, "zones")
    bare = table[(table["n_sites"] == 0) & (table["model"] == "POML") & (table["year"] == 2000)]
    assert bare["mean_low"].isna().all()
    assert bare["mean"].notna().all()
    notes = json.loads((finished / "manifest.json").read_text())["areas"]["notes"]
    named = [note for note in notes if note.startswith("no limits for zones without a site: ")]
    assert len(named) == bool(len(bare))
    assert all(name in named[0] for name in bare["name"])


def test_zones_with_sites_have_limits_and_the_change_is_corrected_by_what_both_campaigns_tell(with_intervals):
    table, changes = _table(with_intervals, "zones"), _table(with_intervals, "zone_changes")
    poml = changes[(changes["model"] == "POML") & (changes["n_sites"] > 1)]
    assert len(poml) >= 3
    assert poml[["change_low", "change_high", "rate_low", "total_change_kt_high"]].notna().all(axis=None)
    rows = table[table["model"] == "POML"].set_index(["zone", "year"])
    for row in poml.itertuples():
        corrected = [rows.loc[(row.zone, year), "mean_adjusted"] for year in (1980, 2000)]
        # Not the same, as each is drawn towards the others by its own: but with one sign and size.
        assert row.change_adjusted == pytest.approx(corrected[1] - corrected[0], abs=0.12)
        assert row.change_low < row.change_adjusted < row.change_high
        assert row.rate_adjusted == pytest.approx(row.change_adjusted / 20, rel=1e-4)


def test_the_region_is_the_sum_of_its_zones(with_intervals):
    table = _table(with_intervals, "zones")
    poml = table[(table["model"] == "POML") & (table["year"] == 2000)]
    zones, whole = poml[poml["zone"] != ""], poml[poml["zone"] == ""].iloc[0]
    if (
        zones["area_km2"].sum() == pytest.approx(whole["area_km2"])
        and zones["total_kt_adjusted"].notna().all()
    ):
        assert zones["total_kt_adjusted"].sum() == pytest.approx(whole["total_kt_adjusted"], rel=1e-4)
