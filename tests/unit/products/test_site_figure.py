"""The figure of one site: every mark that is asked for is drawn, and nothing else."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from poml_map.products.palette import ACCENT, INK
from poml_map.products.site_figure import draw_site

YEARS = np.linspace(2000, 2010, 121)
POOLS = {
    "DPM": np.full(121, 1.0),
    "RPM": np.full(121, 8.0),
    "BIO": np.full(121, 1.0),
    "HUM": np.linspace(40, 30, 121),
    "IOM": np.full(121, 5.0),
}
OBSERVED = {
    "years": [2002, 2008],
    "mean": [50, 49],
    "low": [45, 44],
    "high": [55, 54],
    "scored": [True, False],
}


def draw(path, **changes):
    arguments = {
        "title": "A site",
        "unit": "t/ha",
        "years": YEARS,
        "pools": POOLS,
        "filled": np.zeros(121, bool),
    }
    return draw_site(path, **(arguments | changes))


def count(path, color):
    """Pixels of a colour."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return int((pixels == np.round(255 * np.array(to_rgb(color)))).all(axis=-1).sum())


def test_it_is_16_cm_wide_and_says_what_it_shows(tmp_path):
    path = draw(tmp_path / "a.png", subtitle="RMSE 1", notes=["Assumed: clay 20 %"])
    with Image.open(path) as image:
        assert image.width / image.info["dpi"][0] * 2.54 == pytest.approx(16.2, abs=0.1)
        assert image.text["Title"] == "A site"
        assert image.text["Comment"] == "RMSE 1; Assumed: clay 20 %"


def test_the_line_is_dashed_where_the_weather_is_not_real(tmp_path):
    solid = count(draw(tmp_path / "a.png"), ACCENT)
    dashed = count(draw(tmp_path / "b.png", filled=YEARS > 2000), ACCENT)
    assert 0.4 * solid < dashed < 0.9 * solid


def test_observations_are_marked_with_their_range(tmp_path):
    without, within = (
        count(draw(tmp_path / "a.png"), INK),
        count(draw(tmp_path / "b.png", observed=OBSERVED), INK),
    )
    assert within > without + 500


def test_notes_make_the_sheet_longer(tmp_path):
    with (
        Image.open(draw(tmp_path / "a.png")) as plain,
        Image.open(draw(tmp_path / "b.png", notes=["x"])) as noted,
    ):
        assert noted.height > plain.height + 40
