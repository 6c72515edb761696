"""The example of examples/highfield: a real soil that had no input for half a century, and RothC beside it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from poml_map.pipeline.site_run import run_site

SITE = Path(__file__).parents[2] / "examples" / "highfield" / "site.yaml"


@pytest.fixture(scope="module")
def highfield(data_root, tmp_path_factory):
    """Folder and lines of one run."""
    out = tmp_path_factory.mktemp("highfield") / "out"
    return out, run_site(SITE, out)


@pytest.fixture(scope="module")
def content(highfield):
    return json.loads((highfield[0] / "site.json").read_text(encoding="utf-8"))


def test_rothc_follows_the_bare_fallow_within_2_5_t_per_ha(content):
    """Six campaigns, 1963 to 2008; nothing is fitted. 2.23 when this was written."""
    assert content["scores"]["n"] == 6
    assert content["scores"]["years"] == [1963, 2008]
    assert content["scores"]["rmse"] <= 2.5


def test_the_scores_are_those_of_the_means_of_four_plots(content, data_root):
    table = pd.read_csv(data_root / "rothamsted" / "highfield_bare_fallow_1959_2014.csv")
    means = table.groupby(table["date"].str[:7])["soc_t_ha"].mean()
    rows = pd.DataFrame(content["observations"]).set_index("month")
    np.testing.assert_allclose(rows["mean"], means, rtol=1e-12)
    assert rows["n"].tolist() == [4] * 8
    assert rows.index[~rows["scored"]].tolist() == ["1959-12", "2014-09"]
    errors = (rows["simulated"] - rows["mean"])[rows["scored"]]
    assert content["scores"]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))


def test_it_starts_at_63_and_only_loses_carbon(highfield, content):
    table = pd.read_csv(highfield[0] / "site.csv")
    assert table["total_t_ha"].iloc[0] == pytest.approx(63.0, abs=1e-9)
    assert (np.diff(table["total_t_ha"]) < 0).all()
    assert (table["weather"] == "normals").sum() == content["months_with_normals"] == 84
    balance = content["balance"]
    assert balance["added"] == 0
    assert balance["respired"] == pytest.approx(63.0 - table["total_t_ha"].iloc[-1])
    assert abs(balance["unexplained"]) < 1e-9


def test_what_is_assumed_and_filled_stands_on_the_figure(highfield):
    with Image.open(highfield[0] / "site.png") as image:
        comment = image.text["Comment"]
        colours = image.convert("RGB").getcolors(1 << 24)
    assert "clay 25 %" in comment
    assert "Weather of 84 months from 2008-01 on: normals" in comment
    assert len(colours) > 100  # something is drawn
