"""One run with most options of RothC at once: its files, and one site and some pixels worked out by hand."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml

from poml_map import open_cube
from poml_map.pipeline.run import run_region

YEARS = range(1980, 1984)
POOLS = ("DPM", "RPM", "BIO", "HUM", "IOM")
RATIOS = {1: 1.44, 2: 0.67}
FLOODED = [0.6] * 5 + [0.2] * 4 + [0.6] * 3  # of the preset, as the documentation has it
ROTHC = {
    "spinup": "real_years",
    "cover": "fraction",
    "cover_ndvi_range": [0.15, 0.65],
    "input_months": "crop_calendar",
    "crop_calendar": [{"sow": 11, "harvest": 5}, {"sow": 6, "harvest": 10, "weight": 2, "at_harvest": 0.4}],
    "dpm_rpm": {"column": "LAND_USE", "values": {str(number): ratio for number, ratio in RATIOS.items()}},
    "rate_factor": {"column": "LAND_USE", "values": {"1": "paddy_rice_season"}},
    "manure": "MANURE",
    "manure_months": [0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0],
    "pools": "weihermueller",
    "groups": "LAND_USE",
    "map_outputs": ["pools", "co2"],
}
SAMPLED_IN = 9


@pytest.fixture(scope="module")
def region(demo, tmp_path_factory):
    """The tiny demo with a land use, manure and all these options."""
    folder = shutil.copytree(demo, tmp_path_factory.mktemp("options") / "demo")
    with rasterio.open(folder / "sources" / "clay.tif") as file:
        clay, profile = file.read(1, masked=True), file.profile
    for name in ("predictor", "scale", "offset"):
        profile.pop(name, None)
    with rasterio.open(
        folder / "sources" / "use.tif", "w", **profile | {"dtype": "uint8", "nodata": 0}
    ) as file:
        file.write(np.where(clay.filled(0) > np.ma.median(clay), 2, 1).astype("uint8"), 1)
    rows = [f"{year},{0.3 + 0.05 * (year - 1980):.2f}" for year in range(1980, 2001)]
    (folder / "sources" / "manure.csv").write_text("\n".join(["year,carbon", *rows]) + "\n")
    catalog = yaml.safe_load((folder / "data_catalog.yaml").read_text())
    catalog["sources"] |= {
        "use": {"driver": "raster", "role": "land_use", "uri": "sources/use.tif"},
        "manure": {
            "driver": "table", "role": "manure", "uri": "sources/manure.csv", "year": "year", "value": "carbon",
            "unit": "t/ha", "years": [1980, 2000],
        },
    }  # fmt: skip
    (folder / "data_catalog.yaml").write_text(yaml.safe_dump(catalog, sort_keys=False))
    settings = yaml.safe_load((folder / "region.yaml").read_text())
    settings["sources"] += ["use", "manure"]
    settings |= {"rothc": ROTHC, "units": "t/ha", "sampling_month": SAMPLED_IN}
    settings |= {"hybrid": {"n_trees": 3}, "validation": {"folds": 2}}  # quick; neither is looked at here
    (folder / "region.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder / "region.yaml"


@pytest.fixture(scope="module")
def run(region, tmp_path_factory):
    """Folder of its finished run."""
    out = tmp_path_factory.mktemp("options") / "run"
    run_region(region, out, years=(YEARS[0], YEARS[-1]))
    return out


@pytest.fixture(scope="module")
def manifest(run):
    return json.loads((run / "manifest.json").read_text())


def _map(run, name, year):
    with rasterio.open(run / "maps" / f"{name}_{year}.tif") as file:
        return file.read(1, masked=True).astype(float).filled(np.nan)


def _maps(run, name, years=YEARS):
    return np.stack([_map(run, name, year) for year in years])


def test_there_is_a_map_of_every_output_and_year(run):
    expected = {f"{name}_PO_{year}.tif" for name in POOLS for year in YEARS}
    expected |= {f"CO2_PO_{year}.tif" for year in YEARS[1:]}  # the first stock has no year before it
    expected |= {f"SOCS_{model}_{year}.tif" for model in ("POML", "ML", "PO") for year in YEARS}
    period = f"{YEARS[0]}_{YEARS[-1]}"
    expected |= {
        f"{kind}_{model}_{period}.tif" for kind in ("CHANGE", "RATE") for model in ("POML", "ML", "PO")
    }
    assert {path.name for path in (run / "maps").iterdir()} == expected
    assert {"calibration.png", "report.md", "manifest.json", "rothc_params.json"} <= {
        path.name for path in run.iterdir()
    }


def test_the_pools_of_a_pixel_add_up_to_its_stock(run):
    stock = _maps(run, "SOCS_PO")
    assert np.isfinite(stock[0]).sum() == 597
    np.testing.assert_allclose(sum(_maps(run, f"{name}_PO") for name in POOLS), stock, rtol=3e-7)


def test_the_maps_of_pools_and_co2_say_what_they_are(run):
    for name, unit, year in (("BIO", "t C ha-1", 1981), ("CO2", "t C ha-1 year-1", 1983)):
        with rasterio.open(run / "maps" / f"{name}_PO_{year}.tif") as file:
            tags = file.tags()
            assert file.units == (unit.replace(" C", ""),)
        assert tags["POML_MAP_UNIT"] == unit
        assert tags["POML_MAP_MODEL"] == name
        assert tags["TIFFTAG_DATETIME"] == f"{year}:09:30 00:00:00"
        assert f"end of {year}-09, in {unit} ({name}: " in tags["TIFFTAG_IMAGEDESCRIPTION"]
        assert tags["POML_MAP_SYNTHETIC"] == "YES"


def test_the_balance_of_the_map_is_in_log_report_and_manifest_and_fits_the_maps(run, manifest):
    """The balance covers the whole run, also the years that were not asked for."""
    balance = manifest["carbon_balance"]["map"]
    assert balance["largest_error_kg_m2"] < 1e-10
    assert balance["added_kg_m2"] - balance["respired_kg_m2"] == pytest.approx(
        balance["stored_kg_m2"], abs=1e-10
    )
    line = (
        f"arbon of a pixel to 2000, mean: {10 * balance['added_kg_m2']:.3f} added, "
        f"{10 * balance['respired_kg_m2']:.3f} respired, {10 * balance['stored_kg_m2']:.3f} stored t C ha-1"
    )
    for name in ("log.txt", "report.md"):
        text = (run / name).read_text()
        assert line in text
        assert "arbon of a site to 2000, mean: " in text


def test_each_class_has_its_own_parameters(run, manifest):
    groups = manifest["rothc"]["groups"]
    assert groups["column"] == "LAND_USE"
    assert set(groups["classes"]) == {"1", "2"}
    assert sum(each["n_observations"] for each in groups["classes"].values()) == 60
    report = (run / "report.md").read_text()
    for number, fit in groups["classes"].items():
        assert f"LAND_USE {number}, {fit['n_observations']} later observations: {fit['law']}" in report


# RothC by hand: loops over months and pools, from the documentation alone, for what no other code shares.


def _moisture(rain, evaporation, cover, clay, deficit):
    """Deficit at the end of each month and the factor b."""
    most = -(20 + 1.3 * clay - 0.01 * clay**2) * 20 / 23
    deficits, factors = [], []
    for precip, pet, share in zip(rain, evaporation, cover, strict=True):
        limit = most if share >= 0.5 else min(0.556 * most, deficit)
        deficit = max(limit, min(0.0, deficit + precip - pet))
        deficits.append(deficit)
        dry = (most - deficit) / (most - 0.444 * most)
        factors.append(1.0 if deficit > 0.444 * most else 0.2 + 0.8 * dry)
    return deficits, factors


def _rates(months, clay, flooded, deficit):
    """a*b*c of the months, and the deficit at their end."""
    rain, evaporation = months["precip"], months["pet"]
    cover = [min(max((ndvi - 0.15) / 0.5, 0.0), 1.0) for ndvi in months["ndvi"]]
    deficits, wet = _moisture(rain, evaporation, cover, clay, deficit)
    warm = [0.0 if t < -5 else 47.91 / (1 + math.exp(106.06 / (t + 18.27))) for t in months["air_temp"]]
    parts = zip(warm, wet, cover, months["month"], strict=True)
    return [a * b * (1 - 0.4 * c) * (FLOODED[m] if flooded else 1.0) for a, b, c, m in parts], deficits[-1]


def _march(pools, rates, plants, manure, clay, ratio, mu=lambda bio: 1.0):
    """Pools and what was respired, month by month."""
    x = 1.67 * (1.85 + 1.60 * math.exp(-0.0786 * clay))
    for rate, plant, dung in zip(rates, plants, manure, strict=True):
        speed = rate * mu(pools[2])
        kept = [
            pool * math.exp(-speed * k / 12) for pool, k in zip(pools, (10, 0.3, 0.66, 0.02), strict=True)
        ]
        lost = sum(pools) - sum(kept)
        pools = [
            kept[0] + plant * ratio / (1 + ratio) + 0.49 * dung,
            kept[1] + plant / (1 + ratio) + 0.49 * dung,
            kept[2] + lost * 0.46 / (x + 1),
            kept[3] + lost * 0.54 / (x + 1) + 0.02 * dung,
        ]
        yield pools, lost * x / (x + 1)


def _at_equilibrium(rates, plants, manure, clay, ratio):
    """Sum of the pools at the end of a cycle that has come for ever: two cycles' maps, solved."""

    def end(start, plants, manure):
        return np.array([*_march(start, rates, plants, manure, clay, ratio)][-1][0])

    nothing = [0.0] * len(rates)
    once = np.column_stack([end(list(pool), nothing, nothing) for pool in np.eye(4)])
    return np.linalg.solve(np.eye(4) - once, end([0.0] * 4, plants, manure)).sum()


def _shares():
    """Wheat stands from November to May and rice, with twice the carbon, from June to October."""
    shares = np.zeros(12)
    shares[[10, 11, 0, 1, 2, 3, 4]] += 0.5 / 7 / 3
    shares[4] += 0.5 / 3
    shares[5:10] += 0.6 / 5 * 2 / 3
    shares[9] += 0.4 * 2 / 3
    return shares


def _start(stock, clay):
    """Weihermueller's pools, scaled to the stock; and inert carbon. [kg/m2]"""
    tonnes = 10 * stock
    inert = 0.049 * tonnes**1.139
    rpm = (0.1847 * tonnes + 0.1555) * (clay + 1.2750) ** -0.1158
    bio = (0.0140 * tonnes + 0.0075) * (clay + 8.8473) ** 0.0567
    hum = (0.7148 * tonnes + 0.5069) * (clay + 0.3421) ** 0.0184
    dpm = max(tonnes - inert - rpm - bio - hum, 0.0)
    scale = (tonnes - inert) / (dpm + rpm + bio + hum)
    return [scale * pool / 10 for pool in (dpm, rpm, bio, hum)], inert / 10


def by_hand(pixel, stock, groups):
    """Pools (years, 5) and CO2 (years - 1) of a pixel of the cube that has this stock in 1980. [kg/m2]"""
    clay, use = float(pixel.CLAY), int(pixel.LAND_USE)
    fit, ratio = groups[str(use)], RATIOS[use]
    names = ("air_temp", "precip", "pet", "ndvi")
    # October to December of 1979 open the cycle, so that it ends with September 1979.
    cycle = {name: np.roll(pixel[f"{name}_spinup"].values, 3).tolist() for name in names}
    cycle["month"] = [(9 + step) % 12 for step in range(240)]
    real = pixel.sel(time=slice("1980-10", f"{YEARS[-1]}-09"))
    months = {name: real[name].values.tolist() for name in names}
    months["month"] = [stamp.month - 1 for stamp in pd.DatetimeIndex(real.time.values)]
    deficit = 0.0
    for _ in range(3):  # the water comes round
        rates, deficit = _rates(cycle, clay, use == 1, deficit)
    shares, dung = _shares(), np.array(ROTHC["manure_months"]) / 3
    plants = [shares[month] for month in cycle["month"]]
    manure = [float(pixel.MANURE[0]) * dung[month] for month in cycle["month"]]
    nothing = [0.0] * 240
    start, inert = _start(stock, clay)
    of_manure = _at_equilibrium(rates, nothing, manure, clay, ratio)
    of_plants = _at_equilibrium(rates, plants, nothing, clay, ratio)
    annual = (stock - inert - of_manure) / of_plants
    driver = pixel.FER.values / float(pixel.FER[0])
    year = [stamp.year - 1980 for stamp in pd.DatetimeIndex(real.time.values)]
    steps = list(zip(year, months["month"], strict=True))
    march = _march(
        start,
        _rates(months, clay, use == 1, deficit)[0],
        [annual * driver[y] * shares[m] for y, m in steps],
        [float(pixel.MANURE[y]) * dung[m] for y, m in steps],
        clay,
        ratio,
        mu=lambda bio: fit["mu_max"] * bio / (fit["k_m_kg_m2"] + bio),
    )
    pools, respired = zip(*march, strict=True)
    pools = np.array([start, *pools[11::12]])
    return np.column_stack([pools, np.full(len(pools), inert)]), np.array(respired).reshape(-1, 12).sum(
        axis=1
    )


@pytest.fixture(scope="module")
def cube(region):
    return open_cube(region).load()


def test_pixels_are_what_a_plain_loop_computes_from_the_first_map(run, manifest, cube):
    """float32 maps; only 1980-1983, as the loop is slow."""
    first, groups = _map(run, "SOCS_ML", 1980) / 10, manifest["rothc"]["groups"]["classes"]
    maps, co2 = (
        np.stack([_maps(run, f"{name}_PO") for name in POOLS], axis=1),
        _maps(run, "CO2_PO", YEARS[1:]),
    )
    classes = cube.LAND_USE.where(np.isfinite(first)).values
    for row, col in [np.argwhere(classes == number)[20] for number in RATIOS]:
        pools, respired = by_hand(cube.isel(y=row, x=col), first[row, col], groups)
        np.testing.assert_allclose(maps[:, :, row, col], 10 * pools, rtol=3e-6, atol=1e-7)
        np.testing.assert_allclose(co2[:, row, col], 10 * respired, rtol=3e-6)


def test_sites_are_what_a_plain_loop_computes_from_the_first_sample(run, manifest, cube):
    """The table has six digits."""
    sites, table = pd.read_csv(run / "sites.csv"), pd.read_csv(run / "site_simulations.csv", index_col="year")
    for row in sites[sites["year"] == 1980].iloc[[0, 30]].itertuples():
        pixel = cube.sel(x=row.x, y=row.y, method="nearest")
        pools, _ = by_hand(pixel, row.stock / 10, manifest["rothc"]["groups"]["classes"])
        np.testing.assert_allclose(table.loc[list(YEARS), row.site], 10 * pools.sum(axis=1), rtol=2e-6)
