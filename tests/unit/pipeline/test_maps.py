"""Products from a finished store: everything that is made of it in one pass."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from poml_map.errors import ResourceError
from poml_map.grid import Grid
from poml_map.mapping import create_store
from poml_map.mapping.store import write_tile
from poml_map.pipeline import maps as products
from poml_map.products import made_maps, map_name, read_map
from poml_map.products.place import nice_limits, weighted_mean
from poml_map.schema import MODELS, PROCESS_MAPS

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 40, 30)
YEARS = range(1980, 1987)
NOTES = SimpleNamespace(tags={"SYNTHETIC": True}, lines=["Synthetic data"])


@pytest.fixture
def region():
    settings = SimpleNamespace(
        name="mini",
        title="",
        depth_cm=20,
        sampling_month=12,
        units="t/ha",
        rothc=SimpleNamespace(map_outputs=["co2"]),
    )
    return SimpleNamespace(settings=settings, years=YEARS)


@pytest.fixture
def made(tmp_path):
    """Store, its stocks in kg/m2 by layer, and the number of mapped pixels."""
    rng, mask = np.random.default_rng(0), np.random.default_rng(1).uniform(size=GRID.shape) > 0.3
    stocks = {}
    for name in (*MODELS, *PROCESS_MAPS["co2"]):
        stocks[name] = np.where(mask, rng.uniform(2, 5, (len(YEARS), *GRID.shape)), np.nan).astype("float32")
    create_store(tmp_path / "maps.zarr", GRID, YEARS, list(stocks), 16, {})
    for tile in GRID.tiles(16):
        write_tile(tmp_path / "maps.zarr", tile, {k: v[:, tile.rows, tile.cols] for k, v in stocks.items()})
    return SimpleNamespace(store=tmp_path / "maps.zarr", stocks=stocks, mapped=int(mask.sum()))


@pytest.fixture
def unpainted(monkeypatch):
    """Without the pictures, which take most of the time."""
    monkeypatch.setattr(products, "write_gif", lambda *_, **__: None)
    monkeypatch.setattr(products, "draw_comparison", lambda *_, **__: None)


def write(made, region, folder, wanted=YEARS, mapped=None, intervals=None):
    zones = {"zone_keys": lambda: ("a", "b", "c"), "zone_names": lambda: ("A", "B", "C")}
    # The zone B has no pixel; the middle lies outside all.
    zones["zone_codes_at"] = lambda x, y: np.where(x < 2.05e5, 0, np.where(x < 2.15e5, -1, 2))
    cube = SimpleNamespace(grid=GRID, fills=[], outlines=list, **zones)
    folder.mkdir()
    mapped = made.mapped if mapped is None else mapped
    return products.write_products(region, cube, made.store, folder, wanted, NOTES, "ab12", mapped, intervals)


@pytest.mark.parametrize("years_at_once", [1, 3, 100])
def test_products_do_not_depend_on_how_many_years_are_read_at_once(
    made, region, tmp_path, monkeypatch, unpainted, years_at_once
):
    monkeypatch.setattr(products, "_AT_ONCE", 4 * GRID.width * GRID.height * years_at_once)
    means = write(made, region, tmp_path / "run").means
    for name, stocks in made.stocks.items():
        for year, values in zip(YEARS, stocks, strict=True):
            path = tmp_path / "run" / "maps" / map_name(name, year)
            if name in PROCESS_MAPS["co2"] and year == YEARS[0]:
                assert not path.exists()
            else:
                np.testing.assert_array_equal(read_map(path), values * np.float32(10))
    for model in MODELS:
        expected = [weighted_mean(values * np.float32(10), GRID) for values in made.stocks[model]]
        np.testing.assert_array_equal(means["models"][model], expected)


def test_only_the_years_that_are_wanted_are_written_and_all_are_averaged(made, region, tmp_path):
    means = write(made, region, tmp_path / "run", wanted=range(1982, 1984)).means
    names = {path.name for path in (tmp_path / "run" / "maps").iterdir()}
    changes = {f"{kind}_{model}_1982_1983.tif" for kind in ("CHANGE", "RATE") for model in MODELS}
    assert names == changes | {map_name(name, year) for name in made.stocks for year in (1982, 1983)}
    assert all(len(each) == len(YEARS) for each in means["models"].values())
    with Image.open(tmp_path / "run" / "SOCS_POML.gif") as gif:
        assert gif.n_frames == 2
    assert (tmp_path / "run" / "first_and_last_year.png").exists()


def test_a_store_that_lost_a_tile_is_not_taken_for_a_map(made, region, tmp_path, unpainted):
    """A chunk that vanished reads as no data."""
    (made.store / "PO" / "0.0.0").unlink()
    with pytest.raises(ResourceError, match=f"pixels with a value, {made.mapped} were written"):
        write(made, region, tmp_path / "run")


def test_a_map_that_cannot_be_written_is_an_error_although_it_was_written_meanwhile(
    made, region, tmp_path, monkeypatch, unpainted
):
    def refuse(folder, maps, years, **about):
        if about["model"] == list(made.stocks)[-1]:
            raise ResourceError("the disk is full")

    monkeypatch.setattr(products, "write_years", refuse)
    with pytest.raises(ResourceError, match="the disk is full"):
        write(made, region, tmp_path / "run")


def test_the_change_is_that_of_the_maps_and_the_rate_that_of_a_year(made, region, tmp_path, unpainted):
    told = write(made, region, tmp_path / "run").change
    assert told["period"] == [1980, 1986]
    for model in MODELS:
        first, last = made.stocks[model][[0, -1]]
        change, rate = (
            read_map(tmp_path / "run" / "maps" / f"{kind}_{model}_1980_1986.tif")
            for kind in ("CHANGE", "RATE")
        )
        np.testing.assert_allclose(change, (last - first) * 10, rtol=1e-6)
        np.testing.assert_allclose(rate, change / 6, rtol=1e-6)
        assert told["mean"][model] == pytest.approx(np.nanmean(change), rel=1e-6)


def test_one_year_has_no_change(made, region, tmp_path, unpainted):
    assert write(made, region, tmp_path / "run", wanted=range(1982, 1983)).change == {}
    assert not list((tmp_path / "run" / "maps").glob("CHANGE*"))


def test_areas_are_the_zones_with_pixels_and_the_whole_region(made, region, tmp_path, unpainted):
    areas = write(made, region, tmp_path / "run").areas
    column = np.broadcast_to(np.arange(GRID.width), GRID.shape)
    inside = {"A": column < 10, "C": column >= 30, "whole region": column >= 0}
    assert [area.name for area in areas.areas] == list(inside)
    for number, (area, where) in enumerate(zip(areas.areas, inside.values(), strict=True)):
        stock = made.stocks["ML"][2][where] * 10
        assert area.n_pixels == np.isfinite(stock).sum() == len(area.pixels)
        assert area.area_m2 == pytest.approx(area.n_pixels * 500**2, rel=2e-3)
        assert areas.means["ML", 1982][number] == pytest.approx(np.nanmean(stock), rel=1e-6)


def test_means_can_be_written_to_the_manifest(made, region, tmp_path, unpainted):
    means = write(made, region, tmp_path / "run").means
    assert means["unit"] == "t C ha-1"
    assert json.dumps({model: list(each) for model, each in means["models"].items()})


@pytest.mark.parametrize("wanted", [YEARS, range(1981, 1983)])
def test_animation_and_picture_have_the_scale_of_all_models_in_the_years_asked_for(
    made, region, tmp_path, monkeypatch, wanted
):
    given = {}
    for name in ("write_gif", "draw_comparison"):
        monkeypatch.setattr(products, name, lambda *_, name=name, **looks: given.update({name: looks}))
    write(made, region, tmp_path / "run", wanted)
    drawn = [made.stocks[model][[YEARS.index(year) for year in wanted]] * 10 for model in MODELS]
    assert given["write_gif"]["limits"] == given["draw_comparison"]["limits"] == nice_limits(drawn)
    assert given["write_gif"]["subtitle"] == "POML: forest on observations and RothC simulations"


def test_maps_of_limits_say_what_these_rest_on(made, region, tmp_path, unpainted):
    """CO2 stands for a layer of limits."""
    region.settings.rothc.map_outputs = []
    told = {"LEVEL": "0.9", "CALIBRATION": "residuals of 60 held-out sites, campaigns 1980, 1986"}
    intervals = SimpleNamespace(maps=SimpleNamespace(layers=("CO2",)), tags=told, changes=None)
    write(made, region, tmp_path / "run", intervals=intervals)
    tags = {each.layer: each.tags for each in made_maps(tmp_path / "run")}
    assert tags["CO2"].items() >= told.items()
    assert "CALIBRATION" not in tags["POML"]
