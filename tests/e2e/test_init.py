"""From samples and polygons to maps, as a new user goes: init, check, fetch, check, run."""

import re
import shutil

import geopandas as gpd
import pandas as pd
import pytest
import yaml

from poml_map.cli import main
from poml_map.init.entries import NDVI
from tests.published.server import PublishedServer
from tests.published.write import write_published


def _command(capsys, *words):
    """Exit code and everything that a command prints."""
    capsys.readouterr()
    code = 0
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        code = stop.code or 0
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def place(demo, tmp_path, monkeypatch):
    """A folder with a table and polygons and nothing else: those of the demo, sampled in 1985 and 1988."""
    table = pd.read_csv(demo / "samples.csv")
    table["year"] = table["year"].map({1980: 1985, 2000: 1988})
    table.to_csv(tmp_path / "samples.csv", index=False)
    shutil.copy(demo / "sources" / "counties.gpkg", tmp_path / "counties.gpkg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_two_files_and_says_what_comes_next(place, capsys):
    code, said = _command(capsys, "init", "samples.csv", "--area", "counties.gpkg", "--years", "1980-1988")
    assert code == 0
    assert said.splitlines()[:2] == ["region/region.yaml", "region/data_catalog.yaml"]
    assert f"1. fill.{NDVI}: NDVI" in said
    assert re.findall(r"poml-map (\w+) region/region.yaml", said) == ["check", "fetch", "check", "run"]
    code, said = _command(capsys, "check", "region/region.yaml")
    assert code == 2
    assert re.fullmatch(
        rf"Error: region/region.yaml:\d+, fill.{NDVI}: found MISSING, expected climatology. .*\n", said
    )
    code, said = _command(capsys, "init", "samples.csv")
    assert code == 2
    assert "found a file that is there already" in said


@pytest.mark.slow
def test_the_commands_that_are_printed_lead_from_samples_to_maps(place, capsys):
    """Published sources are small synthetic files of their structure, from a server on loopback."""
    _command(capsys, "init", "samples.csv", "--area", "counties.gpkg", "--out", "mine")
    region_file = place / "mine" / "region.yaml"
    region = yaml.safe_load(region_file.read_text(encoding="utf-8"))
    assert "MISSING" not in region_file.read_text(encoding="utf-8").partition("\nname:")[2]
    text = region_file.read_text(encoding="utf-8")  # short, so that little is fetched
    text = re.sub(r"(?m)^spinup_years: .*", "spinup_years: 1982-1984", text).replace(
        "seed: 0", "seed: 0\n  n_trees: 10"
    )
    region_file.write_text(re.sub(r"resolution: \d+", "resolution: 1000", text), encoding="utf-8")
    code, said = _command(capsys, "check", "mine/region.yaml")
    assert code == 2
    assert "poml-map fetch mine/region.yaml" in said
    west, south, east, north = gpd.read_file("counties.gpkg").to_crs(4326).total_bounds
    names = [name for name in region["sources"] if name != "counties"]
    write_published(
        place / "mirror", (west - 0.05, south - 0.05, east + 0.05, north + 0.05), range(1982, 1989), names
    )
    with PublishedServer(place / "mirror") as server:
        code, said = _command(capsys, "fetch", "mine/region.yaml", "--mirror", server.url, "--cache", "cache")
    for by_hand in (place / "mirror").glob(
        "by_hand/*"
    ):  # what no server gives openly, if the list has such a source
        assert f"{by_hand.name}: bring it yourself" in said
        shutil.copytree(by_hand, place / "mine" / by_hand.name)
    code, said = _command(capsys, "check", "mine/region.yaml")
    assert code == 0, said
    code, said = _command(capsys, "run", "mine/region.yaml", "--out", "mine-run")
    assert code == 0, said
    assert len(list((place / "mine-run" / "maps").glob("SOCS_*.tif"))) == 4 * 3
