"""A run with `intervals:`: maps of the limits, what they say of themselves, and what the report tells."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio

from poml_map.errors import InputError
from poml_map.pipeline.run import run_region
from poml_map.products import read_map

LAYERS = ("POML_q05", "POML_q95", "POML_sd")


def _ask(region, text="intervals: {draws: 10}"):
    settings = region / "region.yaml"
    settings.write_text(settings.read_text().replace("n_trees: 200", "n_trees: 60") + f"\n{text}\n")
    return settings


@pytest.fixture
def ran(own, tmp_path):
    lines = run_region(_ask(own), tmp_path / "run", years=(1984, 1986))
    return tmp_path / "run", lines


def test_a_run_with_intervals(ran):
    out, lines = ran
    assert any(
        "SOCS_POML_q05_1984.tif ... SOCS_POML_sd_1986.tif   9 GeoTIFFs, prediction intervals of POML" in line
        for line in lines
    )
    assert any("SOCS_POML_1984.tif ... SOCS_POML_1986.tif   3 GeoTIFFs" in line for line in lines)
    low, high, sd = (read_map(out / "maps" / f"SOCS_{name}_1985.tif") for name in LAYERS)
    mean = read_map(out / "maps" / "SOCS_POML_1985.tif")
    here = np.isfinite(mean)
    for values in (low, high, sd):
        assert (np.isfinite(values) == here).all()
    assert (low[here] < high[here]).all()
    assert (low[here] >= 0).all()
    assert 0.05 < np.median(sd[here]) < 1.5
    with rasterio.open(out / "maps" / "SOCS_POML_q05_1985.tif") as file:
        assert file.descriptions == ("SOCS 1985 POML_q05",)
        assert file.units == ("kg m-2",)
        assert (
            "lower limit of the 90 % prediction interval of a sample"
            in file.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        )
        assert file.tags()["POML_MAP_LEVEL"] == "0.9"
        rests_on = "residuals of 60 held-out sites, campaigns 1980, 2000"
        assert file.tags()["POML_MAP_CALIBRATION"] == rests_on
    told = json.loads((out / "manifest.json").read_text())["intervals"]
    assert list(told["layers"]) == list(LAYERS)
    rows = {row["level"]: row for row in told["coverage"] if row["subset"] == "all"}
    assert sorted(rows) == [0.5, 0.8, 0.9, 0.95]
    assert rows[0.9]["n"] == 120
    assert 0.8 < rows[0.9]["picp"] <= 1.0
    report = (out / "report.md").read_text()
    assert "90 % interval: " in report
    assert "No map carries an interval" not in report
    sites = pd.read_csv(out / "site_intervals.csv")
    assert list(sites.columns) == ["site", "year", "observed", "POML", *LAYERS, "unit"]
    assert len(sites) == 60 * 21
    assert sites["observed"].notna().sum() == 120


def test_a_run_without_them_says_so(finished):
    assert (
        "No map carries an interval: the region file has no `intervals:` block"
        in (finished / "report.md").read_text()
    )
    assert "intervals" not in json.loads((finished / "manifest.json").read_text())


def test_the_slow_engine_is_refused_before_any_work(own, tmp_path):
    with pytest.raises(InputError, match="--engine: found sklearn, expected auto or fast"):
        run_region(_ask(own), tmp_path / "run", engine="sklearn")
    assert not (tmp_path / "run").exists()


def test_a_level_outside_its_range_is_refused_with_its_line(own, tmp_path):
    with pytest.raises(InputError, match=r"intervals\.level: found 90, expected a share from 0\.5 to 0\.99"):
        run_region(_ask(own, "intervals: {level: 90}"), tmp_path / "run")
