"""Still pictures."""

import numpy as np
import pytest
from PIL import Image

from poml_map.grid import Grid
from poml_map.products.palette import CHANGE, STOCK
from poml_map.products.pictures import draw_comparison, draw_map
from poml_map.products.smallmap import panel_row

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 60, 50)


def _pixels(path):
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"))


def _count(path, rgb):
    return int((_pixels(path) == tuple(rgb)[:3]).all(axis=-1).sum())


def test_a_map_is_drawn_at_the_resolution_asked_for(tmp_path):
    texts = {
        "grid": GRID,
        "title": "Stock",
        "unit": "kg/m2",
        "label": "1980",
        "notes": ["Assumed: one campaign"],
    }
    values = np.full(GRID.shape, 3.0)
    small = draw_map(values, tmp_path / "a.png", limits=(2, 4), dpi=100, **texts)
    large = draw_map(values, tmp_path / "b.png", limits=(2, 4), dpi=200, **texts)
    for path, zoom in [(small, 9), (large, 18)]:
        assert _count(path, STOCK(0.5, bytes=True)) > GRID.width * GRID.height * zoom**2
    with Image.open(large) as file:
        assert file.text["Title"] == "Stock"
        assert "Assumed: one campaign" in file.text["Comment"]
        assert file.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_no_change_is_the_pale_middle_of_a_difference(tmp_path):
    values = np.zeros(GRID.shape)
    values[0], values[1] = 1.0, -0.5
    path = draw_map(
        values, tmp_path / "a.png", grid=GRID, title="Change", unit="kg/m2", difference=True, dpi=100
    )
    assert _count(path, CHANGE(0.5, bytes=True)) > 48 * 60 * 81


def test_all_panels_share_one_scale(tmp_path):
    """The same value in two rows and columns has the same colour."""
    low, high = np.full(GRID.shape, 3.0), np.full(GRID.shape, 4.0)
    path = draw_comparison(
        {"POML": [low, high], "PO": [high, low]}, ["1980", "2000"], tmp_path / "a.png", grid=GRID,
        title="Stock", unit="kg/m2", limits=(2, 6), dpi=100,
    )  # fmt: skip
    panel = 60 * 50 * 16
    assert _count(path, STOCK(0.25, bytes=True)) >= 2 * panel
    assert _count(path, STOCK(0.5, bytes=True)) >= 2 * panel


def test_the_change_column_is_last_minus_first(tmp_path):
    rows = {"POML": [np.full(GRID.shape, 3.0), np.full(GRID.shape, 4.0)]}
    facts = {"grid": GRID, "title": "Stock", "unit": "kg/m2", "dpi": 100}
    path = draw_comparison(rows, ["1980", "2000"], tmp_path / "a.png", change=True, **facts)
    assert _count(path, CHANGE(1.0, bytes=True)) >= 60 * 50 * 16
    plain = draw_comparison(rows, ["1980", "2000"], tmp_path / "b.png", **facts)
    assert _pixels(plain).shape[1] < _pixels(path).shape[1]


def test_a_row_that_was_reduced_before_gives_the_same_picture(tmp_path):
    """The change of a block is the mean change of the pixels that have both years."""
    maps = np.random.default_rng(0).uniform(2, 5, (2, 500, 600))
    maps[0, :, :100] = maps[1, :250] = np.nan
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 600, 500)
    facts = {"grid": grid, "title": "Stock", "unit": "kg/m2", "dpi": 100, "change": True}
    first = draw_comparison({"POML": maps}, ["1980", "2000"], tmp_path / "a.png", **facts)
    row = panel_row(maps, grid, dpi=100)
    again = draw_comparison({"POML": row}, ["1980", "2000"], tmp_path / "b.png", **facts)
    assert again.read_bytes() == first.read_bytes()
    assert row.change.mean == pytest.approx(np.nanmean(maps[1] - maps[0]))


def test_panels_without_values_are_drawn(tmp_path):
    rows = {"ML": [np.full(GRID.shape, np.nan)]}
    path = draw_comparison(
        rows, ["1980"], tmp_path / "a.png", grid=GRID, title="Stock", unit="kg/m2", change=True
    )
    assert path.exists()


def test_a_row_that_misses_a_map_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"rows\['ML'\]: shape \(1, 50, 60\), expected \(2, 50, 60\)"):
        draw_comparison(
            {"ML": np.ones((1, 50, 60))}, ["1980", "2000"], tmp_path / "a.png", grid=GRID, title="", unit=""
        )
