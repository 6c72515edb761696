"""The annual maps as an animation."""

import os
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image, ImageSequence

from poml_map.errors import ResourceError
from poml_map.grid import Grid
from poml_map.products import animation
from poml_map.products.animation import animate as animate_labelled
from poml_map.products.animation import write_gif as animate
from poml_map.products.palette import STOCK
from poml_map.products.sheet import Sheet
from poml_map.products.smallmap import small_map

GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 60, 50)
YEARS = list(range(1980, 1985))
TEXTS = {"title": "Soil organic carbon", "unit": "kg/m2"}
NODATA_RGB = (216, 216, 216)


def _maps(years=YEARS, grid=GRID):
    """Left third missing, middle third always 3, right third another every year."""
    third = grid.width // 3
    maps = np.full((len(years), *grid.shape), np.nan)
    maps[:, :, third : 2 * third] = 3.0
    maps[:, :, 2 * third :] = np.random.default_rng(0).uniform(2, 5, maps[:, :, 2 * third :].shape)
    return maps


def _frames(path):
    with Image.open(path) as file:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)]


def _has_color(frames, rgb):
    return np.stack([(frame == rgb).all(axis=-1) for frame in frames])


def _grey_block(frame):
    """Rows and columns of the missing part of a map; grey pixels of letters are few in theirs."""
    grey = _has_color([frame], NODATA_RGB)[0]
    return np.flatnonzero(grey.sum(axis=1) > 100), np.flatnonzero(grey.sum(axis=0) > 100)


@pytest.fixture(scope="module")
def gif(tmp_path_factory):
    path = tmp_path_factory.mktemp("gif") / "SOCS_POML.gif"
    return animate(_maps(), YEARS, path, grid=GRID, limits=(2.0, 5.0), notes=["Synthetic data"], **TEXTS)


def test_there_is_one_frame_a_year_and_the_last_stays_longer(gif):
    with Image.open(gif) as file:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(file)]
        assert file.info["loop"] == 0
    assert durations == [400, 400, 400, 400, 1600]


def test_all_frames_share_one_palette(gif):
    """Colours cannot drift from year to year."""
    red, green, blue = np.moveaxis(np.stack(_frames(gif)).astype(int), -1, 0)
    assert len(np.unique(red * 65536 + green * 256 + blue)) <= 256


def test_a_pixel_that_does_not_change_has_the_same_colour_in_all_frames(gif):
    expected = STOCK((3.0 - 2.0) / (5.0 - 2.0), bytes=True)[:3]
    always = _has_color(_frames(gif), expected).all(axis=0)
    assert always.sum() >= 20 * 50 * 9**2  # a third of the map, at 9 or more screen pixels each


def test_the_colour_of_a_value_is_that_of_the_scale_exactly(gif):
    """The palette may round colours of letters, never those of the map."""
    scale = {tuple(color) for color in STOCK(np.arange(STOCK.N), bytes=True)[:, :3]} | {NODATA_RGB}
    frame = _frames(gif)[0]
    rows, columns = _grey_block(frame)
    inside = frame[rows.min() + 2 : rows.max() - 2, columns.min() + 2 : columns.min() + 500]
    assert {tuple(color) for color in inside.reshape(-1, 3)[::7]} <= scale


def test_missing_pixels_are_light_grey_in_all_frames(gif):
    assert _has_color(_frames(gif), NODATA_RGB).all(axis=0).sum() >= 20 * 50 * 9**2


def test_notes_are_on_every_frame_and_in_the_file(gif, tmp_path):
    without = animate(_maps(), YEARS, tmp_path / "a.gif", grid=GRID, limits=(2.0, 5.0), **TEXTS)
    strip = (255, 236, 203)
    assert _has_color(_frames(gif), strip).sum(axis=(1, 2)).min() > 5000
    assert not _has_color(_frames(without), strip).any()
    with Image.open(gif) as file:
        assert b"Synthetic data" in file.info["comment"]


def test_the_line_of_means_grows_with_the_years(gif):
    red = [
        (np.abs(frame[:, -190:].astype(int) - (168, 67, 26)).max(axis=-1) < 40).sum()
        for frame in _frames(gif)
    ]
    assert red[-1] > red[0] + 100


def test_the_same_maps_give_the_same_bytes(gif, tmp_path):
    again = animate(
        _maps(), YEARS, tmp_path / "a.gif", grid=GRID, limits=(2.0, 5.0), notes=["Synthetic data"], **TEXTS
    )
    assert again.read_bytes() == gif.read_bytes()


def test_frames_are_as_if_every_one_were_drawn_from_the_start(gif, tmp_path, monkeypatch):
    """What stands still is drawn once; nothing of it may lie above or below where it belongs."""

    @contextmanager
    def all_of_it(sheet, _):
        yield sheet.pixels

    monkeypatch.setattr(Sheet, "standing_still_but", all_of_it)
    look = {"grid": GRID, "limits": (2.0, 5.0), "notes": ["Synthetic data"], **TEXTS}
    assert animate(_maps(), YEARS, tmp_path / "a.gif", **look).read_bytes() == gif.read_bytes()


def test_maps_that_were_reduced_before_give_the_same_bytes(gif, tmp_path):
    reduced = [small_map(values, GRID) for values in _maps()]
    look = {"grid": GRID, "limits": (2.0, 5.0), "notes": ["Synthetic data"], **TEXTS}
    assert animate(reduced, YEARS, tmp_path / "a.gif", **look).read_bytes() == gif.read_bytes()


def test_twenty_one_years_of_a_region_stay_below_six_megabytes(tmp_path):
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 300, 250)
    rng, years = np.random.default_rng(0), list(range(1980, 2001))
    smooth = np.sin(np.linspace(0, 9, 300)) + np.cos(np.linspace(0, 7, 250))[:, None]
    maps = [4 + smooth + 0.02 * year + 0.1 * rng.normal(size=grid.shape) for year in range(21)]
    path = animate(maps, years, tmp_path / "a.gif", grid=grid, **TEXTS)
    assert path.stat().st_size < 6e6
    assert len(_frames(path)) == 21


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_maps_in_degrees_get_the_shape_of_the_ground(tmp_path, crs):
    """At 60 degrees north a degree of longitude is half as long; Web Mercator keeps shapes by itself."""
    step = 0.01 if crs == "EPSG:4326" else 1000.0
    north = 60.25 if crs == "EPSG:4326" else 8.4e6
    grid = Grid(crs, (step, 0.0, 100.0, 0.0, -step, north), 50, 50)
    path = animate(np.full((2, 50, 50), np.nan), [1980, 1981], tmp_path / "a.gif", grid=grid, **TEXTS)
    rows, columns = _grey_block(_frames(path)[0])
    aspect = len(rows) / len(columns)
    assert aspect == pytest.approx(2.0 if crs == "EPSG:4326" else 1.0, rel=0.03)


@pytest.mark.parametrize("missing", [[1], [0, 1]], ids=["one year", "all years"])
def test_a_year_without_any_value_is_drawn_as_no_data(tmp_path, missing):
    maps = _maps()[:2]
    maps[missing] = np.nan
    path = animate(maps, YEARS[:2], tmp_path / "a.gif", grid=GRID, **TEXTS)
    frames = _frames(path)
    assert len(frames) == 2
    middle = [frame[200:420, 100:520] for frame in frames]
    words = [((frame != NODATA_RGB).any(axis=-1)).sum() > 50 for frame in middle]
    assert words[1]


@pytest.mark.parametrize("shape", [(1, 1), (2, 90), (90, 2)])
def test_grids_of_any_shape_are_drawn(tmp_path, shape):
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), shape[1], shape[0])
    path = animate(np.full((1, *shape), 3.0), [1980], tmp_path / "ä b.gif", grid=grid, **TEXTS)
    assert len(_frames(path)) == 1
    assert os.listdir(tmp_path) == ["ä b.gif"]


def test_letters_without_a_font_are_said_and_do_not_stop_the_run(tmp_path, caplog):
    title = {"title": "Soil \U0001f9ff carbon", "unit": "kg/m2"}
    animate(_maps()[:1], YEARS[:1], tmp_path / "a.gif", grid=GRID, **title)
    assert "No font here has" in caplog.text


def test_outlines_are_drawn(tmp_path):
    line = np.array([[GRID.bounds[0], GRID.bounds[1]], [GRID.bounds[2], GRID.bounds[3]]])
    plain = animate(_maps()[:1], YEARS[:1], tmp_path / "a.gif", grid=GRID, **TEXTS)
    lined = animate(_maps()[:1], YEARS[:1], tmp_path / "b.gif", grid=GRID, outlines=[line], **TEXTS)
    assert (_frames(plain)[0] != _frames(lined)[0]).any(axis=-1).sum() > 300


def test_outlines_stand_out_on_dark_pixels_too(tmp_path):
    """They are pale at the sides and dark in the middle."""
    west, south, east, north = GRID.bounds
    line = np.array([[west, (south + north) / 2], [east, (south + north) / 2]])
    dark, looks = np.full((1, *GRID.shape), 5.0), {"grid": GRID, "limits": (2.0, 5.0), **TEXTS}
    plain = animate(dark, YEARS[:1], tmp_path / "a.gif", **looks)
    lined = animate(dark, YEARS[:1], tmp_path / "b.gif", outlines=[line], **looks)
    (before,), (after,) = (np.stack(_frames(path)).astype(int).sum(axis=-1) for path in (plain, lined))
    assert (after - before).max(axis=0)[100:400].min() > 60


def test_the_subtitle_is_in_the_file_too(tmp_path):
    path = animate(_maps()[:1], YEARS[:1], tmp_path / "a.gif", grid=GRID, subtitle="POML: forest", **TEXTS)
    with Image.open(path) as file:
        assert file.info["comment"].startswith(b"Soil organic carbon; POML: forest; poml_map ")


@pytest.mark.parametrize(
    ("maps", "years", "message"),
    [
        (np.ones((2, 50, 60)), [1980], "2 maps for 1 years"),
        (np.ones((0, 50, 60)), [], "0 maps for 0 years"),
        (np.ones((1, 60, 50)), [1980], r"shape \(60, 50\), but the grid has \(50, 60\)"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, maps, years, message):
    with pytest.raises(ValueError, match=message):
        animate(maps, years, tmp_path / "a.gif", grid=GRID, **TEXTS)


def test_limits_in_the_wrong_order_are_refused(tmp_path):
    with pytest.raises(ValueError, match="limits: 5 and 2"):
        animate(_maps(), YEARS, tmp_path / "a.gif", grid=GRID, limits=(5, 2), **TEXTS)


def test_a_file_that_lost_frames_is_not_kept(tmp_path, monkeypatch):
    def lose(path, data, check):
        with Image.open(tmp_path.parent / "one.gif") as one:
            one.load()
        return write_bytes(path, (tmp_path.parent / "one.gif").read_bytes(), check)

    animate(_maps()[:1], YEARS[:1], tmp_path.parent / "one.gif", grid=GRID, **TEXTS)
    write_bytes = animation.write_bytes_atomic
    monkeypatch.setattr(animation, "write_bytes_atomic", lose)
    with pytest.raises(ResourceError, match="1 of 5 frames"):
        animate(_maps(), YEARS, tmp_path / "a.gif", grid=GRID, **TEXTS)
    assert os.listdir(tmp_path) == []


def test_lazy_maps_are_computed_once_and_give_the_same_frames(tmp_path):
    import dask.array as da
    import xarray as xr

    computed = []

    def block(values):
        computed.append(values.shape)
        return values

    stocks = _maps()
    coords = {"year": list(YEARS), "y": GRID.y, "x": GRID.x}
    whole = xr.DataArray(stocks, coords, ("year", "y", "x"), name="stock", attrs={"units": "kg C m-2"})
    whole = whole.rio.write_crs(GRID.crs)
    lazy = whole.copy(
        data=da.from_array(stocks, chunks=(2, -1, -1)).map_blocks(block, dtype=stocks.dtype, meta=stocks[:0])
    )
    title = {"title": "Small", "limits": (2.0, 5.0)}
    one, other = (
        animate_labelled(whole, tmp_path / "a.gif", **title),
        animate_labelled(lazy, tmp_path / "b.gif", **title),
    )
    assert one.read_bytes() == other.read_bytes()
    assert sum(shape[0] for shape in computed) == len(YEARS)
    plain = animate(
        stocks, list(YEARS), tmp_path / "c.gif", grid=GRID, title="Small", unit="kg/m2", limits=(2.0, 5.0)
    )
    assert plain.read_bytes() == one.read_bytes()
