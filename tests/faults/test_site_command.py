"""`poml-map site` with wrong input: one line a problem, all of them at once, exit code 2, nothing written."""

import re

import pytest

from poml_map import cli

SITE = """\
title: A made-up site
folder: .
weather:
  file: weather.csv
  columns: {air_temp: t, precip: rain, pan_evaporation: pan}
  units: {air_temp: degC, precip: mm/month, pan_evaporation: mm/month}
soil: {clay_percent: 20, depth_cm: 23}
start:
  month: 2001-12
  unit: t/ha
  stock: 50
  spinup: {years: 2000-2001, cover: 1, dpm_rpm: 1.44}
end: 2003-12
inputs: {plant: 0, cover: 0}
observations:
  file: soc.csv
  columns: {date: date, value: soc, average: [plot]}
  unit: t/ha
"""
SOC = "date,plot,soc\n2002-12-01,a,44\n2002-12-01,b,48\n2003-12-01,a,40\n"


def weather_text():
    rows = [
        f"{year},{month},{month % 7 + 5},60,{8 * month}"
        for year in range(2000, 2004)
        for month in range(1, 13)
    ]
    return "year,month,t,rain,pan\n" + "\n".join(rows) + "\n"


@pytest.fixture
def site(tmp_path, monkeypatch, capsys):
    """A whole site in the current folder; `break_it(old, new)` replaces text of one of its files."""
    monkeypatch.chdir(tmp_path)
    texts = {"site.yaml": SITE, "weather.csv": weather_text(), "soc.csv": SOC}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    class Site:
        out = tmp_path / "out"

        @staticmethod
        def replace(file, old, new):
            path = tmp_path / file
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new, 1), encoding="utf-8")

        @staticmethod
        def succeeds():
            """Run; what it says."""
            with pytest.raises(SystemExit) as stop:
                cli.main(["site", "site.yaml", "--out", "out"])
            assert stop.value.code == 0
            return capsys.readouterr().out

        @staticmethod
        def refused(*expected):
            """Run; every expected tuple of words is in one line of its own, and there are no other lines."""
            with pytest.raises(SystemExit) as stop:
                cli.main(["site", "site.yaml", "--out", "out"])
            lines = capsys.readouterr().err.splitlines()
            assert stop.value.code == 2, lines
            for line in lines:
                assert re.fullmatch(r"Error: [^:]+(:\d+)?(, .+?)?: (found|expected) .+[.?]", line), line
            assert len(lines) == len(expected), lines
            for words in expected:
                assert any(all(word in line for word in words) for line in lines), (words, lines)
            assert not (tmp_path / "out").exists()

    return Site()


def test_the_site_that_the_others_break_is_whole(site):
    said = site.succeeds()
    assert re.search(
        r"^RMSE [\d.]+ t C ha-1, mean error [-+][\d.]+, n = 2 \(2002-2003\)$", said, re.MULTILINE
    )
    assert re.search(r"^Carbon from 2001-12 to 2003-12: added 0, respired", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("clay_percent: 20", "clay_percent: 250", ["site.yaml:7, soil.clay_percent: found 250", "0 to 100"]),
        ("clay_percent: 20", "clay_percent: 0.2", ["looks like a fraction", "times 100"]),
        ("units: {air_temp", "unit: {air_temp", ["weather.units: found nothing"]),
        ("depth_cm: 23", "depth_cm: 0.23", ["soil.depth_cm: found 0.23"]),
        ("month: 2001-12", "month: 2001-13", ["site.yaml:9, start.month", "YEAR-MONTH, such as 1959-12"]),
        ("month: 2001-12", "month: 2001-12-15", ["start.month", "reads as a date", "YEAR-MONTH"]),
        ("end: 2003-12", "end: 2001-12", ["end: found 2001-12", "a month after the start, 2001-12"]),
        ("end: 2003-12", "end: 2004-02", ["weather.beyond", "no weather of 2 months, 2004-01 to 2004-02"]),
        ("years: 2000-2001", "years: 1990-2001", ["start.spinup.years: found 1990-2001", "2000-01 to 2003-12"]),
        ("years: 2000-2001", "years: 2000-2002", ["start.spinup.years", "years that end by the start"]),
        ("stock: 50", "stock: -50", ["start.stock: found -50", "above 0"]),
        ("stock: 50", "stock: 50\n  iom: 60", ["stock", "more than its inert carbon"]),
        ("stock: 50", "stock: 5000", ["start.stock: found 5000 t/ha", "0 to 2000 t/ha"]),
        ("  stock: 50\n", "", ["start: found neither stock nor pools"]),
        ("  spinup: {years: 2000-2001, cover: 1, dpm_rpm: 1.44}\n", "", ["a stock without `spinup:`"]),
        ("cover: 0}", "cover: 40}", ["inputs.cover: found 40", "0 to 1"]),
        ("cover: 0}", "cover: [0, 0]}", ["site.yaml:14, inputs.cover"]),
        ("plant: 0,", "plant: -1,", ["inputs.plant: found -1", "a number from 0"]),
        ("plant: 0,", "plant: straw,", ["weather.csv, column 'straw'", "this column"]),
        ("plant: 0,", "plant: 0, units: {plant: t/ha},", ["inputs.units.plant: found 't/ha'", "t/ha/month"]),
        ("plant: 0,", "file: soc.csv, plant: 0,", ["inputs.file", "no column is used"]),
        ("air_temp: degC", "air_temp: mm", ["weather.units.air_temp: found 'mm'", "degC"]),
        ("precip: mm/month", "precip: mm", ["weather.units.precip", "needs its period", "mm/month"]),
        (", pan_evaporation: pan}", "}", ["weather.columns: found neither pet nor pan_evaporation"]),
        (", pan_evaporation: mm/month}", "}", ["weather.units: found no unit for pan_evaporation"]),
        ("  file: weather.csv", "  file: none.csv", ["none.csv: found no such file"]),
        ("  file: weather.csv", "  file: ../weather.csv", ["weather.file: found '../weather.csv'", "`folder:`"]),
        ("  file: weather.csv", "  file: /etc/hostname", ["weather.file: found '/etc/hostname'", "`folder:`"]),
        ("folder: .", "folder: nowhere", ["folder: found no such folder: 'nowhere'"]),
        ("folder: .", "folder: ${HOME}", ["folder: found '${HOME}'", "${POML_MAP_...}"]),
        ("folder: .", "folder: ${POML_MAP_NONE}/x", ["variable POML_MAP_NONE, which is not set", "export"]),
        ("unit: t/ha\n  stock", "unit: g/kg\n  stock", ["start.unit: found the text 'g/kg'", "kg/m2, t/ha"]),
        ("  unit: t/ha\n  stock", "  stock", ["start.unit: found nothing"]),
        ("average: [plot]", "average: []", ["soc.csv with 2002-12 in lines 2, 3", "average: [plot]"]),
        ("date: date, ", "", ["observations.columns: found neither date nor year"]),
        ("]}\n  unit: t/ha", "]}\n  unit: g/kg", ["observations.unit: found 'g/kg'"]),
        ("]}\n  unit: t/ha", "]}\n  unit: t/m2", ["soc.csv, column 'soc'", "44 (line 2)", "44000 kg/m2"]),
        ("]}\n  unit", "]}\n  where: {plot: [c]}\n  unit", ["observations.where.plot: found 'c'", "a, b"]),
        ("]}\n  unit", "]}\n  score_years: 1990-1995\n  unit", ["score_years: found 1990-1995", "2001-2003"]),
        ("soil:", "rothc: {mu_max: -1}\nsoil:", ["rothc.mu_max: found -1"]),
        ("  units: {air", "  beyond: normals\n  units: {air", ["weather.beyond", "both `beyond: normals`"]),
        ("  units: {air", "  beyond: normals\n  normals: {years: 1990-1999}\n  units: {air", ["normals.years", "1990"]),
        ("  units: {air", "  beyond: normals\n  normals: {file: soc.csv}\n  units: {air", ["soc.csv, column 'month'"]),
    ],
)  # fmt: skip
def test_a_wrong_site_file_is_explained(site, old, new, words):
    site.replace("site.yaml", old, new)
    if "soc.csv}" in new:  # a table of normals without three of its columns
        site.refused(words, ["column 't'"], ["column 'rain'"], ["column 'pan'"])
    elif "unit: {" in new:
        site.refused(
            words, ["weather.unit: found an unknown key", "one of file, table, where, columns, units"]
        )
    else:
        site.refused(words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2001,3,8,60,24\n", "", ["weather.csv, months: found no row for 2001-03"]),
        ("2001,3,8,60,24\n", "2001,3,8,60,24\n" * 2, ["month: found 2001-03 in lines 16, 17", "each once"]),
        ("2001,3,8,60,24\n", "2001,3,281,60,24\n", ["column 't'", "281 (line 16)", "-60 to 60 degC", "units.air_temp"]),
        ("2001,3,8,60,24\n", "2001,3,8,-60,24\n", ["column 'rain'", "-60 (line 16)", "weather.units.precip"]),
        ("2001,3,8,60,24\n", "2001,3,8,,24\n", ["column 'rain'", "no value in lines 16", "Fill the gaps"]),
        ("2001,3,8,60,24\n", "2001,3,8,60,wet\n", ["column 'pan'", "'wet' in line 16", "numbers"]),
        ("2001,3,8,60,24\n", "2001,13,8,60,24\n", ["column 'month'", "'13' in line 16", "1 to 12"]),
        ("2001,3,8,60,24\n", "2001.5,3,8,60,24\n", ["column 'year'", "'2001.5' in line 16"]),
        ("2001,3,8,60,24\n", "2001,3,8,60\n", ["lines 16: found 4 values", "expected 5"]),
        ("t,rain", "T,rain", ["column 't'", "Did you mean `T`?"]),
    ],
)  # fmt: skip
def test_a_wrong_weather_table_is_explained(site, old, new, words):
    site.replace("weather.csv", old, new)
    site.refused(["weather.csv", *words])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2003-12-01", "December 2003", ["column 'date'", "'December 2003' in line 4", "1963-07-19"]),
        ("2003-12-01,a,40", "2003-12-01,a,n.d.", ["column 'soc'", "'n.d.' in line 4", "missing"]),
        ("2003-12-01,a,40", "2003-12-01,a,0", ["column 'soc'", "0 (line 4)"]),
        ("2002-12-01,b", "2002-12-31,a", ["2002-12 a in lines 2, 3"]),
    ],
)
def test_wrong_observations_are_explained(site, old, new, words):
    site.replace("soc.csv", old, new)
    site.refused(["soc.csv", *words])


def test_problems_of_all_tables_are_named_at_once(site):
    site.replace("weather.csv", "2001,3,8,60,24", "2001,3,281,60,x")
    site.replace("soc.csv", "2003-12-01,a,40", "2003-12,a,4000")
    site.refused(["column 't'", "281"], ["column 'pan'", "'x'"], ["column 'soc'", "4000"])


def test_problems_of_the_site_file_are_named_at_once(site):
    site.replace("site.yaml", "clay_percent: 20", "clay_percent: 200")
    site.replace("site.yaml", "end: 2003-12", "end: soon")
    site.refused(["soil.clay_percent"], ["end: found the text 'soon'"])


def test_a_link_that_leads_out_of_the_folder_is_refused(site, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "weather.csv").symlink_to(tmp_path / "weather.csv")
    (tmp_path / "tables" / "soc.csv").write_text(SOC)
    site.replace("site.yaml", "folder: .", "folder: tables")
    site.refused(["weather.file", "a file below `folder:`"])


def test_what_an_earlier_run_left_stays_when_the_next_is_refused(site):
    site.succeeds()
    before = {path.name: path.read_bytes() for path in site.out.iterdir()}
    site.replace("site.yaml", "cover: 0}", "cover: 2}")
    with pytest.raises(SystemExit):
        cli.main(["site", "site.yaml", "--out", "out"])
    assert {path.name: path.read_bytes() for path in site.out.iterdir()} == before


def test_a_folder_that_refuses_is_exit_code_3(site, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["site", "site.yaml", "--out", "/proc/nowhere/out"])
    assert stop.value.code == 3
    assert "/proc/nowhere" in capsys.readouterr().err
