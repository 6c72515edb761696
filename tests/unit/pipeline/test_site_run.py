"""RothC at one site from plain files: what comes out is RothC on what went in, whatever form that had."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose
from PIL import Image

from poml_map import rothc
from poml_map.errors import InputError
from poml_map.pipeline.site_run import run_site

YEARS = range(2000, 2006)
TEMPERATURE = np.array([3, 4, 6, 9, 12, 15, 17, 17, 14, 11, 7, 4.0])
RAIN = np.array([60, 45, 50, 50, 55, 55, 50, 60, 60, 70, 70, 65.0])
PAN = np.array([8, 17, 43, 70, 100, 115, 128, 105, 64, 30, 12, 5.0])


def weather_table(years=YEARS, change=lambda year: 0.0):
    """Months of the mean year, warmer by `change` of the year."""
    parts = [
        pd.DataFrame(
            {"year": year, "month": range(1, 13), "t": TEMPERATURE + change(year), "rain": RAIN, "pan": PAN}
        )
        for year in years
    ]
    return pd.concat(parts, ignore_index=True)


class SiteFolder:
    """A site in a folder, with hands to change it."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "out"
        self.settings = {
            "title": "A made-up site",
            "synthetic": True,
            "units": "t/ha",
            "weather": {
                "file": "weather.csv",
                "columns": {"air_temp": "t", "precip": "rain", "pan_evaporation": "pan"},
                "units": {"air_temp": "degC", "precip": "mm/month", "pan_evaporation": "mm/month"},
            },
            "soil": {"clay_percent": 20, "depth_cm": 23},
            "start": {
                "month": "2001-12",
                "unit": "t/ha",
                "stock": 50,
                "spinup": {"years": "2000-2001", "cover": 1, "dpm_rpm": 1.44},
            },
            "end": "2005-12",
            "inputs": {"plant": 0, "cover": 0},
        }
        self.write("weather.csv", weather_table())

    def write(self, name, table):
        """Save a table in the folder."""
        table.to_csv(self.folder / name, index=False)

    def change(self, **changes):
        """Change keys; a section keeps the keys that are not named, None removes one."""
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(self.settings.get(key), dict):
                merged = self.settings[key] | value
                self.settings[key] = {name: item for name, item in merged.items() if item is not None}
            else:
                self.settings[key] = value
        return self

    def run(self):
        """Lines, table and json of the run."""
        (self.folder / "site.yaml").write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        lines = run_site(self.folder / "site.yaml", self.out)
        content = json.loads((self.out / "site.json").read_text(encoding="utf-8"))
        return lines, pd.read_csv(self.out / "site.csv"), content

    def totals(self):
        """Stock at the end of every month, the start first."""
        return self.run()[1].filter(like="total").iloc[:, 0].to_numpy()


@pytest.fixture
def site(tmp_path):
    return SiteFolder(tmp_path)


def pools_of(table):
    return table[[f"{name}_t_ha" for name in ("DPM", "RPM", "BIO", "HUM", "IOM")]].to_numpy()


def test_three_files_are_written_and_the_table_holds_every_month(site):
    lines, table, content = site.run()
    assert sorted(path.name for path in site.out.iterdir()) == ["site.csv", "site.json", "site.png"]
    assert lines[-3:] == [str(site.out / name) for name in ("site.csv", "site.json", "site.png")]
    assert len(table) == 1 + 48
    assert (table["year"].iloc[0], table["month"].iloc[0], table["weather"].iloc[0]) == (2001, 12, "start")
    assert_allclose(table["total_t_ha"], pools_of(table).sum(axis=1), rtol=1e-11)
    assert table["total_t_ha"].iloc[0] == 50
    assert content["start"]["IOM"] == pytest.approx(0.049 * 50**1.139)
    with Image.open(site.out / "site.png") as image:
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert "Synthetic data" in image.text["Comment"]


def test_the_course_is_that_of_rothc_from_the_given_pools(site):
    pools = {"DPM": 0.2, "RPM": 6.0, "BIO": 1.0, "HUM": 40.0, "IOM": 4.0}
    site.change(start={"stock": None, "spinup": None, "pools": pools, "deficit_mm": -10.0})
    site.change(inputs={"plant": [0, 0, 0, 0, 0, 0, 0, 1.5, 0, 0, 0, 0], "manure": 0.1, "cover": 1})
    _, table, content = site.run()
    months = np.tile(np.arange(12), 4)
    water = RAIN[months], 0.75 * PAN[months], 20.0, 23.0, 1.0
    rate, deficit = rothc.rate_modifier(TEMPERATURE[months], *water, initial_deficit=-10.0)
    plant = np.where(months == 7, 0.15, 0.0)
    start = np.array([0.02, 0.6, 0.1, 4.0])
    expected = rothc.simulate(start, rate, plant, 20.0, manure=np.full(48, 0.01)) * 10
    assert_allclose(pools_of(table)[1:, :4], expected, rtol=1e-10)
    assert_allclose(table["deficit_mm"].iloc[[0, -1]], [-10.0, deficit], rtol=1e-9)
    assert_allclose((table["a"] * table["b"] * table["c"])[1:], rate, rtol=1e-9)
    assert (table["mu"][1:] == 1).all()
    assert content["balance"]["added"] == pytest.approx(4 * 1.5 + 48 * 0.1)


def test_carbon_is_conserved_and_every_month_adds_up(site):
    _, table, content = site.change(inputs={"plant": 0.2, "manure": 0.05}).run()
    balance = content["balance"]
    assert abs(balance["unexplained"]) < 1e-9
    assert table["co2_t_ha"].sum() == pytest.approx(balance["respired"], abs=1e-9)
    assert table["total_t_ha"].iloc[-1] - 50 == pytest.approx(balance["stored"], abs=1e-9)
    assert (table["co2_t_ha"][1:] > 0).all()


@pytest.mark.parametrize("weather", ["mean_months", "real_years"])
@pytest.mark.parametrize("month", [12, 6])
def test_a_soil_that_goes_on_as_in_its_spin_up_keeps_its_stock(site, weather, month):
    """Two warm and cold years in a cycle, or their mean year for ever: the state repeats after the cycle."""
    real = weather == "real_years"
    change = (lambda year: 2.0 if year % 2 else -2.0) if real else (lambda year: 0.0)
    site.write("weather.csv", weather_table(change=change))
    weights = [1, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0]
    spinup = {"years": "2000-2001", "weather": weather, "cover": 1, "dpm_rpm": 0.67, "manure": 0.02}
    spinup["plant_months"] = weights
    site.change(
        start={"month": f"2002-{month:02d}" if month < 12 else "2001-12", "spinup": spinup}, end="2005-12"
    )
    annual = site.run()[2]["start"]["plant_input_of_spinup_per_year"]
    plant = [weight / 6 * annual for weight in weights]
    site.change(inputs={"plant": plant, "manure": 0.02, "cover": 1, "dpm_rpm": 0.67})
    assert_allclose(site.totals()[::24], 50, rtol=0, atol=1e-8)


def test_the_same_weather_in_other_units_order_and_evaporation_gives_the_same_course(site):
    expected = site.change(inputs={"cover": 1}).totals()
    table = weather_table()
    table["t"], table["rain"], table["pan"] = table["t"] + 273.15, table["rain"] / 1000, table["pan"] * 0.75
    site.write("weather.csv", table.sample(frac=1, random_state=1))
    columns = {"air_temp": "t", "precip": "rain", "pet": "pan"}
    site.change(
        weather={"columns": columns, "units": {"air_temp": "K", "precip": "m/month", "pet": "mm/month"}}
    )
    assert_allclose(site.totals(), expected, rtol=1e-10)


def test_the_declared_unit_is_that_of_every_stock_that_comes_out(site):
    tonnes = site.run()[1]
    site.change(units="kg/m2", start={"unit": "kg/m2", "stock": 5.0})
    lines, table, content = site.run()
    assert_allclose(table["total_kg_m2"] * 10, tonnes["total_t_ha"], rtol=1e-10)
    assert content["unit"] == "kg/m2"
    assert "kg C m-2" in lines[-4]


def test_months_beyond_the_weather_are_refused_unless_normals_are_declared(site):
    site.change(end="2006-06")
    with pytest.raises(
        InputError, match=r"no weather of 6 months, 2006-01 to 2006-06.*weather.csv, 2000-01 to"
    ):
        site.run()
    assert not site.out.exists()


def test_normals_are_the_calendar_means_of_the_stated_years(site):
    change = {2004: 1.0, 2005: 3.0}
    table = weather_table(change=lambda year: change.get(year, 0.0))
    site.write("weather.csv", table)
    site.change(end="2006-12", weather={"beyond": "normals", "normals": {"years": "2004-2005"}})
    lines, by_years, content = site.run()
    assert content["months_with_normals"] == 12
    assert any("12 months from 2006-01 on: normals (means of 2004-2005)" in line for line in lines)
    assert (by_years["weather"][-12:] == "normals").all()
    normals = weather_table([2006], change=lambda year: 2.0)
    site.write("normals.csv", normals.drop(columns="year").rename(columns={"t": "mean_t"}).iloc[::-1])
    own = {
        "file": "normals.csv",
        "columns": {"air_temp": "mean_t", "precip": "rain", "pan_evaporation": "pan"},
    }
    own["units"] = site.settings["weather"]["units"]
    assert_allclose(site.change(weather={"normals": own}).totals(), by_years["total_t_ha"], rtol=1e-11)
    site.write("weather.csv", pd.concat([table, normals]))
    site.change(weather={"beyond": "refuse", "normals": None})
    assert_allclose(site.totals(), by_years["total_t_ha"], rtol=1e-11)


def test_inputs_come_from_columns_of_the_weather_table_or_of_their_own(site):
    table = weather_table()
    table["straw"] = np.where(table["month"] == 8, 1.5, 0.0)
    table["crop"] = (table["month"] < 8).astype(int)
    table["ratio"] = np.where(table["year"] < 2004, 1.44, 0.25)
    site.write("weather.csv", table)
    columns = {"plant": "straw", "cover": "crop", "dpm_rpm": "ratio"}
    expected = site.change(inputs=columns).totals()
    own = table[["year", "month", "straw", "crop", "ratio"]].assign(straw=table["straw"] * 12)
    site.write("weather.csv", weather_table())
    site.write("management.csv", own.assign(plot="b"))
    units = {"plant": "t/ha/year"}
    site.change(inputs={"file": "management.csv", "where": {"plot": ["b"]}, "units": units})
    assert_allclose(site.totals(), expected, rtol=1e-11)
    assert expected[8] > expected[7]


def test_a_changed_ratio_of_the_input_holds_from_its_month_on(site):
    """Until the change both runs are one; after it the more resistant input keeps more."""
    table = weather_table().assign(ratio=1.44)
    site.write("weather.csv", table)
    site.change(inputs={"plant": 0.3, "dpm_rpm": "ratio"})
    constant = site.totals()
    site.write("weather.csv", table.assign(ratio=np.where(table["year"] < 2004, 1.44, 0.25)))
    changed = site.totals()
    assert_allclose(changed[:26], constant[:26], rtol=1e-12)  # fresh input decays from the next month on
    assert (changed[27:] > constant[27:]).all()


def test_mu_max_multiplies_the_rate(site):
    plain = site.run()[1]
    table = site.change(rothc={"mu_max": 2.0, "k_m": 0.0}).run()[1]
    assert (table["mu"][1:] == 2).all()
    assert table["total_t_ha"].iloc[-1] < plain["total_t_ha"].iloc[-1]
    table = site.change(rothc={"mu_max": 2.0, "k_m": 0.1}).run()[1]
    bio = table["BIO_t_ha"].to_numpy()[:-1] / 10
    assert_allclose(table["mu"][1:], 2 * bio / (0.1 + bio), rtol=1e-9)


def observations(site, **columns):
    """Two plots a year, in December 2001, 2002 and 2003, and one of them in 2010."""
    rows = [
        ("2001-12-15", "a", 50),
        ("2001-12-15", "b", 52),
        ("2002-12-01", "a", 44),
        ("2002-12-31", "b", 48),
    ]
    rows += [("2003-12-01", "a", 40), ("2003-12-01", "b", None), ("2010-12-01", "a", 30)]
    table = pd.DataFrame(rows, columns=["date", "plot", "soc"])
    site.write("soc.csv", table.assign(year=table["date"].str[:4]))
    chosen = {"value": "soc", "date": "date", "average": ["plot"]} | columns
    chosen = {key: value for key, value in chosen.items() if value is not None}
    return site.change(observations={"file": "soc.csv", "unit": "t/ha", "columns": chosen})


def test_plots_are_averaged_and_compared_with_the_month_they_were_sampled_in(site):
    lines, table, content = observations(site).run()
    simulated = table["total_t_ha"].to_numpy()
    by_month = {row["month"]: row for row in content["observations"]}
    assert list(by_month) == ["2001-12", "2002-12", "2003-12"]
    second = by_month["2002-12"]
    assert [second[name] for name in ("n", "mean", "low", "high")] == pytest.approx([2, 46, 44, 48])
    assert second["sd"] == pytest.approx(np.sqrt(8))
    assert second["simulated"] == pytest.approx(simulated[12])
    errors = simulated[[12, 24]] - [46, 40]
    assert content["scores"]["n"] == 2  # what the run starts from is no test of it
    assert content["scores"]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert content["scores"]["mean_error"] == pytest.approx(errors.mean())
    assert content["not_used"] == {"observations without a value": 1, "observed months outside the run": 1}
    assert any(line.startswith("Not scored: 2001-12") for line in lines)
    assert "Not used: 1 observations without a value" in lines


def test_a_scoring_window_leaves_out_the_others(site):
    observations(site).settings["observations"]["score_years"] = "2003-2004"
    content = site.run()[2]
    assert content["scores"]["years"] == [2003, 2003]
    assert [row["scored"] for row in content["observations"]] == [False, False, True]


def test_years_alone_mean_the_stated_month(site):
    observations(site, date=None, year="year")
    site.settings["observations"]["month"] = 6
    rows = site.run()[2]["observations"]
    assert [row["month"] for row in rows] == ["2002-06", "2003-06"]


def test_a_window_without_observations_is_said_and_no_score_is_made_up(site):
    observations(site).settings["observations"]["score_years"] = "2004-2005"
    lines, _, content = site.run()
    assert "No observation to score." in lines
    assert content["scores"]["rmse"] is None


def test_what_is_assumed_stands_in_every_product(site):
    lines, _, content = site.change(assumed=["clay 20 %"]).run()
    assert "Assumed: clay 20 %" in lines
    assert content["assumed"] == ["clay 20 %"]
    with Image.open(site.out / "site.png") as image:
        assert "Assumed: clay 20 %" in image.text["Comment"]


def test_a_variable_may_name_the_folder_of_the_tables(site, tmp_path, monkeypatch):
    (tmp_path / "elsewhere" / "data").mkdir(parents=True)
    (tmp_path / "weather.csv").rename(tmp_path / "elsewhere" / "data" / "weather.csv")
    monkeypatch.setenv("POML_MAP_TEST", str(tmp_path / "elsewhere"))
    _, table, content = site.change(folder="${POML_MAP_TEST}/data").run()
    assert len(table) == 49
    assert content["settings"]["folder"] == "${POML_MAP_TEST}/data"


def test_the_site_file_that_the_docs_show_runs(site, tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "site.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    table = weather_table(range(1939, 2015)).assign(crop=1)
    site.write("weather.csv", table.rename(columns={"t": "tmp_c", "rain": "rain_mm", "pan": "pet_mm"}))
    site.write("soc.csv", pd.DataFrame({"date": ["1963-07-19"], "plot": [1], "soc_t_ha": [52.3]}))
    site.settings = yaml.safe_load(shown)
    assert site.run()[2]["scores"]["n"] == 1
