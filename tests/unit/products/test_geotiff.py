"""Annual maps as files."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rio_cogeo import cog_validate

from poml_map._version import __version__
from poml_map.errors import ResourceError
from poml_map.files import sha256_of_file
from poml_map.grid import Grid
from poml_map.products import geotiff
from poml_map.products.geotiff import NODATA, map_name, read_map, write_map, write_years

GRID = Grid("EPSG:32651", (250.0, 0.0, 200000.0, 0.0, -250.0, 3400000.0), 700, 560)
FACTS = {"model": "POML", "unit": "kg/m2", "depth_cm": 20}


def _values(grid=GRID, seed=0):
    values = np.random.default_rng(seed).normal(4, 1, grid.shape)
    values[: grid.height // 3, : grid.width // 4] = np.nan
    return values


def test_values_and_missing_pixels_come_back(tmp_path):
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    np.testing.assert_array_equal(read_map(path), _values().astype(np.float32))


def test_the_file_says_what_it_is(tmp_path):
    tags = {
        "INPUT_DIGEST": "ab12",
        "synthetic": True,
        "ASSUMED": False,
        "STAND_IN": None,
        "FILLED": "ndvi: 1980-1981",
    }
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, tags=tags, **FACTS)
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32651
        assert tuple(file.transform)[:6] == GRID.transform
        assert (file.count, file.dtypes, file.nodata) == (1, ("float32",), NODATA)
        assert file.descriptions == ("SOCS 1980 POML",)
        assert file.units == ("kg m-2",)
        assert file.colorinterp == (ColorInterp.gray,)
        found = {name: tag for name, tag in file.tags().items() if name != "AREA_OR_POINT"}
        assert found == {
            "POML_MAP_MODEL": "POML",
            "POML_MAP_OF_MODEL": "POML",
            "POML_MAP_QUANTITY": "stock",
            "POML_MAP_YEAR": "1980",
            "POML_MAP_DEPTH_CM": "20",
            "POML_MAP_UNIT": "kg C m-2",
            "POML_MAP_SOFTWARE": f"poml_map {__version__}",
            "POML_MAP_INPUT_DIGEST": "ab12",
            "POML_MAP_SYNTHETIC": "YES",
            "POML_MAP_FILLED": "ndvi: 1980-1981",
            "TIFFTAG_DATETIME": "1980:12:31 00:00:00",
            "TIFFTAG_SOFTWARE": f"poml_map {__version__}",
            "TIFFTAG_IMAGEDESCRIPTION": "Soil organic carbon stock at 0-20 cm, end of 1980-12, in kg C m-2 "
            "(POML: forest on observations and RothC simulations)",
        }


@pytest.mark.parametrize(
    ("layer", "quantity", "begins"),
    [
        ("POML_q05", "lower_limit", "Soil organic carbon stock at 0-20 cm, end of 2000-12, in kg C m-2 ("),
        ("CHANGE_POML", "change", "Change of the soil organic carbon stock at 0-20 cm, 1980-12 to 2000-12, in kg C"),
        ("CHANGE_POML_q95", "change_upper_limit", "Change of the soil organic carbon stock at 0-20 cm"),
        ("RATE_POML", "rate", "Mean annual change of the soil organic carbon stock at 0-20 cm"),
    ],
)  # fmt: skip
def test_a_search_for_a_model_finds_its_intervals_and_changes_and_what_each_map_is(
    tmp_path, layer, quantity, begins
):
    first = None if layer == "POML_q05" else 1980
    path = write_map(
        tmp_path / "a.tif", _values(), GRID, year=2000, first_year=first, **{**FACTS, "model": layer}
    )
    with rasterio.open(path) as file:
        tags = file.tags()
    assert (tags["POML_MAP_OF_MODEL"], tags["POML_MAP_QUANTITY"]) == ("POML", quantity)
    assert tags["TIFFTAG_IMAGEDESCRIPTION"].startswith(begins)


def test_a_map_of_classes_says_in_itself_what_its_numbers_mean(tmp_path):
    classes = np.where(np.isnan(_values()), np.nan, np.arange(GRID.width) % 3 - 1)
    facts = {**FACTS, "model": "CHANGE_POML_class"}
    path = write_map(tmp_path / "a.tif", classes, GRID, year=2000, first_year=1980, **facts)
    with rasterio.open(path) as file:
        found = {name: text for name, text in file.tags(1).items() if name.startswith("CLASS_")}
        assert file.tags()["POML_MAP_QUANTITY"] == "change_class"
    assert found == {"CLASS_-1": "loss", "CLASS_0": "not detectable", "CLASS_1": "gain"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"], "no file beside it"


def test_an_index_has_no_unit_and_a_name_of_its_own(tmp_path):
    classes = np.where(np.isnan(_values()), np.nan, np.arange(GRID.width) % 3)
    facts = {**FACTS, "model": "AOA", "tags": {"THRESHOLD_DI_ALL": "0.24"}}
    (path,) = write_years(tmp_path, [classes], [1990], GRID, **facts)
    assert path.name == "AOA_1990.tif"
    with rasterio.open(path) as file:
        assert file.units == ("1",)
        assert file.descriptions == ("AOA 1990",)
        assert file.tags()["POML_MAP_THRESHOLD_DI_ALL"] == "0.24"
        assert "area of applicability" in file.tags()["TIFFTAG_IMAGEDESCRIPTION"].lower()
        overview = file.read(1, out_shape=(file.height // 2, file.width // 2))
    assert set(np.unique(overview)) <= {0.0, 1.0, 2.0, NODATA}, "classes are not averaged"


def test_statistics_are_those_of_the_values_without_the_missing(tmp_path):
    values = _values().astype(np.float32)
    path = write_map(tmp_path / "a.tif", values, GRID, year=1980, **FACTS)
    with rasterio.open(path) as file:
        found = {name.removeprefix("STATISTICS_"): float(tag) for name, tag in file.tags(1).items()}
    valid = values[np.isfinite(values)].astype(float)
    expected = {"MINIMUM": valid.min(), "MAXIMUM": valid.max(), "MEAN": valid.mean(), "STDDEV": valid.std()}
    assert found == pytest.approx(expected | {"VALID_PERCENT": 100 * valid.size / values.size}, rel=1e-3)


@pytest.mark.filterwarnings("ignore:statistics")  # what GDAL itself reads; stats() computes anew
def test_gdal_takes_the_statistics_that_stand_there_and_writes_no_file_beside(tmp_path):
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    with rasterio.open(path) as file:
        found = file.statistics(1, approx=False)
        assert found.mean == float(file.tags(1)["STATISTICS_MEAN"])
    assert found.max == pytest.approx(np.nanmax(_values()), rel=1e-6)
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]


def test_the_file_is_a_cloud_optimised_geotiff_without_a_warning(tmp_path):
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    assert cog_validate(path, strict=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2]
        assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"


def test_overviews_average_values_and_not_the_nodata_number(tmp_path):
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    with rasterio.open(path, overview_level=0) as file:
        coarse = file.read(1, masked=True)
    assert coarse.min() > 0
    assert coarse.mean() == pytest.approx(np.nanmean(_values()), rel=1e-3)


def test_another_month_is_written_down(tmp_path):
    path = write_map(tmp_path / "a.tif", _values(), GRID, year=1984, **FACTS, month=2)
    with rasterio.open(path) as file:
        assert file.tags()["TIFFTAG_DATETIME"] == "1984:02:29 00:00:00"


def _all_that_it_says(path):
    with rasterio.open(path) as file:
        tags = file.tags()
        return file.units[0], tags["POML_MAP_UNIT"], tags["TIFFTAG_IMAGEDESCRIPTION"], file.tags(1)


@pytest.mark.parametrize(
    "layer", ["POML", "POML_q05", "BIO", "CO2", "CHANGE_POML", "RATE_ML", "CHANGE_POML_sd"]
)
def test_tonnes_per_hectare_change_unit_tag_band_and_sentence_alike(tmp_path, layer):
    facts = {"year": 2000, "model": layer, "depth_cm": 20, "first_year": 1980 if "_" in layer else None}
    values = _values()
    kilos = write_map(tmp_path / "kg.tif", values, GRID, unit="kg/m2", **facts)
    tonnes = write_map(tmp_path / "t.tif", values * 10, GRID, unit="t/ha", **facts)
    np.testing.assert_allclose(read_map(tonnes), 10 * read_map(kilos), rtol=1e-6)
    band, tag, sentence, numbers = _all_that_it_says(kilos)
    assert "kg m-2" in band
    assert "kg C m-2" in tag
    assert sentence.count("kg C m-2") == 1
    other_band, other_tag, other_sentence, other_numbers = _all_that_it_says(tonnes)
    assert other_band == band.replace("kg m-2", "t ha-1")
    assert other_tag == tag.replace("kg C m-2", "t C ha-1")
    assert other_sentence == sentence.replace("kg C m-2", "t C ha-1")
    for name in ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV"):
        number = float(numbers[f"STATISTICS_{name}"])
        assert float(other_numbers[f"STATISTICS_{name}"]) == pytest.approx(10 * number, rel=1e-5)


@pytest.mark.parametrize(
    ("crs", "step"),
    [
        ("EPSG:4326", 0.01),
        ("EPSG:4490", 0.01),
        ("+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m", 250.0),
        ("ESRI:102025", 250.0),
    ],
)
def test_any_crs_passes_the_check(tmp_path, crs, step):
    grid = Grid(crs, (step, 0.0, 20.1, 0.0, -step, 50.3), 3, 2)
    path = write_map(tmp_path / "a.tif", np.ones((2, 3)), grid, year=1980, **FACTS)
    with rasterio.open(path) as file:
        assert file.crs == rasterio.crs.CRS.from_user_input(crs)


def test_blanks_and_other_scripts_in_the_path_are_kept(tmp_path):
    folder = tmp_path / "杭嘉湖 平原"
    folder.mkdir()
    path = write_map(folder / "größe 1980.tif", _values(), GRID, year=1980, **FACTS)
    assert os.listdir(folder) == ["größe 1980.tif"]
    assert np.isfinite(read_map(path)).any()


def test_the_same_map_gives_the_same_bytes(tmp_path):
    first = write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    second = write_map(tmp_path / "b.tif", _values(), GRID, year=1980, **FACTS)
    assert sha256_of_file(first) == sha256_of_file(second)


def test_a_map_of_missing_pixels_is_written_and_said(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        path = write_map(tmp_path / "a.tif", np.full(GRID.shape, np.nan), GRID, year=1980, **FACTS)
    assert "no value at all" in caplog.text
    with rasterio.open(path) as file:
        assert file.read(1, masked=True).mask.all()
        assert file.tags(1) == {"STATISTICS_VALID_PERCENT": "0"}


def test_a_map_of_one_pixel_is_valid(tmp_path):
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 1, 1)
    path = write_map(tmp_path / "a.tif", [[3.25]], grid, year=1980, **FACTS)
    assert read_map(path).tolist() == [[3.25]]
    assert cog_validate(path, strict=True) == (True, [], [])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, NODATA])
def test_a_value_that_the_file_cannot_hold_is_refused_by_place(tmp_path, value):
    values = _values()
    values[400, 20] = value
    with pytest.raises(ValueError, match="1 pixels, first at row 400, column 20"):
        write_map(tmp_path / "a.tif", values, GRID, year=1980, **FACTS)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "g/kg"}, "unit: 'g/kg', expected one of kg/m2, t/ha"),
        ({"month": 13}, "month: 13, expected 1 to 12"),
        ({"values": np.ones((560, 699))}, r"shape \(560, 699\), but the grid has \(560, 700\)"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    arguments = {"values": _values(), "grid": GRID, "year": 1980, **FACTS, **change}
    with pytest.raises(ValueError, match=message):
        write_map(tmp_path / "a.tif", **arguments)


def test_bytes_that_were_damaged_on_the_way_leave_no_file(tmp_path, monkeypatch):
    def damage(path, data, check):
        flipped = bytearray(data)
        flipped[len(flipped) // 2] ^= 0xFF
        return write_bytes(path, bytes(flipped), check)

    write_bytes = geotiff.write_bytes_atomic
    monkeypatch.setattr(geotiff, "write_bytes_atomic", damage)
    with pytest.raises(ResourceError, match=r"a\.tif: what was written does not read back equal"):
        write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    assert os.listdir(tmp_path) == []


def test_a_readable_file_of_other_values_or_another_grid_is_not_kept(tmp_path, monkeypatch):
    other = write_map(tmp_path / "other.tif", _values(seed=1), GRID, year=1980, **FACTS).read_bytes()
    write_bytes = geotiff.write_bytes_atomic
    monkeypatch.setattr(geotiff, "write_bytes_atomic", lambda path, _, check: write_bytes(path, other, check))
    with pytest.raises(ResourceError, match=r"\(content\)"):
        write_map(tmp_path / "a.tif", _values(), GRID, year=1980, **FACTS)
    shifted = Grid("EPSG:32650", (250.0, 0.0, 200250.0, 0.0, -250.0, 3400000.0), 700, 560)
    with pytest.raises(ResourceError, match=r"\(CRS, transform\)"):
        write_map(tmp_path / "a.tif", _values(seed=1), shifted, year=1980, **FACTS)
    assert os.listdir(tmp_path) == ["other.tif"]


_ON_A_SMALL_DISK = """
import resource, sys
import numpy as np
from poml_map.errors import ResourceError
from poml_map.grid import Grid
from poml_map.products.geotiff import write_years

grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), 200, 200)
maps = np.stack([np.ones(grid.shape), np.random.default_rng(0).normal(size=grid.shape)])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_years(sys.argv[1], maps, [1980, 1981], grid, model="ML", unit="kg/m2", depth_cm=20)
except ResourceError as error:
    sys.exit(f"ResourceError {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_disk_that_runs_full_leaves_the_finished_years_and_no_other(tmp_path):
    """A limit on the file size fails in the middle of a write, as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_SMALL_DISK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr.startswith("ResourceError")
    assert "SOCS_ML_1981.tif" in done.stderr
    assert "needed" in done.stderr
    assert "bytes free" in done.stderr
    assert os.listdir(tmp_path) == ["SOCS_ML_1980.tif"]
    assert (read_map(tmp_path / "SOCS_ML_1980.tif") == 1).all()


def test_all_years_of_a_model_have_their_names_dates_and_one_mask(tmp_path):
    years = [1980, 1981, 1982]
    maps = np.stack([_values() + year - 1980 for year in years])
    paths = write_years(tmp_path, maps, years, GRID, tags={"SYNTHETIC": True}, **FACTS)
    assert [path.name for path in paths] == [map_name("POML", year) for year in years]
    masks = [np.isnan(read_map(path)) for path in paths]
    assert (masks == masks[0]).all()
    for year, path in zip(years, paths, strict=True):
        with rasterio.open(path) as file:
            assert file.tags()["POML_MAP_YEAR"] == str(year)
            assert file.tags()["POML_MAP_SYNTHETIC"] == "YES"


def test_years_and_maps_of_different_number_are_refused(tmp_path):
    with pytest.raises(ValueError, match="maps: 2 maps for 1 years"):
        write_years(tmp_path, np.ones((2, *GRID.shape)), [1980], GRID, **FACTS)


def test_years_written_side_by_side_are_the_files_that_are_written_alone(tmp_path):
    years, maps = list(range(1980, 1986)), np.stack([_values(seed=seed) for seed in range(6)])
    paths = write_years(tmp_path, maps, years, GRID, workers=3, **FACTS)
    for year, values, path in zip(years, maps, paths, strict=True):
        alone = write_map(tmp_path / "alone.tif", values, GRID, year=year, **FACTS)
        assert sha256_of_file(alone) == sha256_of_file(path)


def test_after_a_year_that_cannot_be_written_no_further_one_is_begun(tmp_path):
    maps = np.ones((40, *GRID.shape))
    maps[1, 3, 4] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        write_years(tmp_path, maps, list(range(1960, 2000)), GRID, workers=2, **FACTS)
    assert len(os.listdir(tmp_path)) < 20


@pytest.mark.parametrize("model", ["POML", "AOA"])
@pytest.mark.parametrize(
    ("width", "height"), [(37, 23), (512, 512), (513, 100), (2049, 30), (100, 1025), (1537, 1031)]
)
def test_overviews_go_down_to_one_block_and_every_size_is_cloud_optimised(tmp_path, width, height, model):
    grid = Grid("EPSG:32651", (250.0, 0.0, 2e5, 0.0, -250.0, 3.4e6), width, height)
    values = np.round(_values(grid)) % 3
    path = write_map(tmp_path / "a.tif", values, grid, year=1980, **FACTS | {"model": model})
    assert cog_validate(path, strict=True) == (True, [], [])
    np.testing.assert_array_equal(read_map(path), values)
    with rasterio.open(path) as file:
        factors = file.overviews(1)
    assert max(width, height) // (factors[-1] if factors else 1) <= 512
    assert max(width, height) // (factors[-1] // 2 if factors else 1) > 512 or not factors
