"""Validation of samples that cannot answer everything: what cannot be scored is left out, with the reason."""

import json
import re

import pandas as pd
import pytest
import yaml

from poml_map import cli
from poml_map.demo import write_demo


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults_validate") / "demo"
    write_demo(folder, size="tiny")
    return folder


@pytest.fixture
def validate(plain, tmp_path, capsys, monkeypatch):
    """Validates a copy of the region with other samples and settings; says what came out."""

    def run(change=lambda table: table, **settings):
        file = tmp_path / "region.yaml"
        content = yaml.safe_load((plain / "region.yaml").read_text(encoding="utf-8"))
        content["catalog"] = str(plain / "data_catalog.yaml")
        content["data_roots"] = [str(plain)]
        content["hybrid"] |= {"n_trees": 3}
        content["validation"] |= {"folds": 3}
        for name, value in settings.items():
            content[name] = content.get(name, {}) | value
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        table = pd.read_csv(plain / "samples.csv", dtype={"site": str})
        change(table).to_csv(tmp_path / "samples.csv", index=False)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as stop:
            cli.main(["validate", "region.yaml", "--out", "out", "--quick", "--quiet"])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err, tmp_path / "out"

    return run


def left_out(out):
    return json.loads((out / "validation.json").read_text(encoding="utf-8"))["left_out"]


def scores(out):
    return pd.read_csv(out / "scores.csv").set_index(["model", "target"])


def test_fewer_sites_than_folds_are_refused_before_anything_is_written(validate):
    code, _, err, out = validate(validation={"folds": 500})
    assert code == 2
    assert "folds" in err
    assert "Traceback" not in err
    assert not out.exists()


def test_one_campaign_is_scored_where_it_can_be(validate):
    code, _, err, out = validate(lambda table: table[table["year"] == 1980], rothc={"expected_change": 0.1})
    assert code == 0, err
    assert any("no site has a second campaign" in text for text in left_out(out))
    found = scores(out)
    assert found.loc[("ML", "t1"), "n"] > 0
    assert found.loc[("ML", "change"), "n"] == 0
    assert found.loc[("ML", "change"), "note"] == "no site has a later campaign"
    assert "Change from the first to the later campaign**: nothing to score it with" in (
        out / "validation.md"
    ).read_text(encoding="utf-8")


@pytest.mark.slow
def test_constant_observations_have_no_efficiency_and_the_table_says_why(validate):
    code, _, err, out = validate(
        lambda table: table.assign(soc_g_kg=14.0),
        rothc={"mu_max": 4.5, "k_m": 0.13},
        samples={"bulk_density": 1.3, "coarse_fragments": 0.0},
    )
    assert code == 0, err
    row = scores(out).loc[("ML", "t1")]
    assert pd.isna(row["mec"])
    assert row["note"].startswith("CCC and MEC undefined: all")


@pytest.mark.slow
def test_one_place_under_two_ids_stays_in_one_fold_and_is_told(validate):
    """A site whose second campaign was written under another id, some metres away."""

    def split(table):
        site = table["site"].iloc[0]
        here = (table["site"] == site) & (table["year"] == 2000)
        return table.assign(
            site=table["site"].mask(here, "again"), lat=table["lat"].where(~here, table["lat"] + 0.0002)
        )

    code, _, err, out = validate(split)
    assert code == 0, err
    text = (out / "validation.md").read_text(encoding="utf-8")
    assert "2 sites share 1 place, less than 100 m apart" in text
    folds = pd.read_csv(out / "folds.csv", dtype={"site": str}).set_index("site")
    other = folds.index[folds["place"] == folds.loc["again", "place"]].drop("again")[0]
    assert folds.loc["again", "random_0"] == folds.loc[other, "random_0"]


@pytest.mark.slow
def test_sites_on_masked_pixels_are_used_and_counted_on_the_page(validate):
    code, _, err, out = validate(lambda table: table.assign(lon=table["lon"] + 0.002))
    assert code == 0, err
    text = (out / "validation.md").read_text(encoding="utf-8")
    count = re.search(r"(\d+) sites \(\d+ with one campaign, (\d+) outside the mask\)", text)
    assert 0 < int(count[2]) < int(count[1])
