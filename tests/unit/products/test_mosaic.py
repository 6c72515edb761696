"""Maps of several runs as one: the pixels of each at their place, and a reason where that cannot be."""

import shutil

import numpy as np
import pytest
import rasterio

from poml_map.products.mosaic import write_mosaics

LEFT = {"left": 1000.0, "top": 5000.0}
RIGHT = {"left": 2000.0, "top": 4500.0}  # one column and a row further, and over the other by a column


def _run(folder, values, left, top, size=500.0, crs="EPSG:32651", unit="kg C m-2", years=(1980,)):
    (folder / "maps").mkdir(parents=True)
    values = np.asarray(values, np.float32)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": -9999.0, "crs": crs}
    for year in years:
        path = folder / "maps" / f"SOCS_POML_{year}.tif"
        transform = rasterio.Affine(size, 0, left, 0, -size, top)
        with rasterio.open(
            path, "w", height=values.shape[0], width=values.shape[1], transform=transform, **profile
        ) as file:
            file.write(values, 1)
            file.units = [unit]
    return folder


A = [[1, 2, -9999], [3, 4, -9999]]
B = [[5, 6], [-9999, 8]]


@pytest.mark.parametrize("order", [1, -1])
def test_pixels_of_all_runs_lie_where_they_belong(tmp_path, order):
    runs = [_run(tmp_path / "a", A, **LEFT), _run(tmp_path / "b", B, **RIGHT)][::order]

    (path,), reason = write_mosaics(runs, tmp_path / "mosaic")

    assert reason == ""
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.nodata) == (32651, -9999)
        assert tuple(file.bounds) == (1000, 3500, 3000, 5000)
        expected = [[1, 2, -9999, -9999], [3, 4, 5, 6], [-9999, -9999, -9999, 8]]
        np.testing.assert_array_equal(file.read(1), expected)


def test_all_can_be_moved_together(tmp_path):
    runs = [_run(tmp_path / "here" / "a", A, **LEFT), _run(tmp_path / "here" / "b", B, **RIGHT)]
    write_mosaics(runs, tmp_path / "here" / "mosaic")
    shutil.move(tmp_path / "here", tmp_path / "there")
    with rasterio.open(tmp_path / "there" / "mosaic" / "SOCS_POML_1980.vrt") as file:
        assert file.read(1).max() == 8


def test_only_what_all_have_is_joined_and_what_was_joined_before_goes(tmp_path):
    runs = [
        _run(tmp_path / "a", A, **LEFT, years=(1980, 1981)),
        _run(tmp_path / "b", B, **RIGHT, years=(1981,)),
    ]
    (tmp_path / "mosaic").mkdir()
    (tmp_path / "mosaic" / "SOCS_POML_1980.vrt").write_text("of an earlier batch")
    (path,), _ = write_mosaics(runs, tmp_path / "mosaic")
    assert path.name == "SOCS_POML_1981.vrt"
    assert [each.name for each in (tmp_path / "mosaic").iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"crs": "EPSG:32650"}, "a and b have different CRSs"),
        ({"size": 250.0}, "the pixels of a and b differ in size"),
        ({"left": 1100.0}, "the pixels of a and b do not lie on one lattice"),
        ({"unit": "t C ha-1"}, "a and b have different units"),
        ({"years": (1999,)}, "no map of the same model and year is in all of them"),
    ],
)
def test_runs_that_do_not_fit_together_are_not_joined(tmp_path, other, words):
    runs = [_run(tmp_path / "a", A, **LEFT), _run(tmp_path / "b", B, **{**RIGHT, **other})]
    assert write_mosaics(runs, tmp_path / "mosaic") == ([], words)
    assert not (tmp_path / "mosaic").exists()


def test_one_run_is_no_mosaic(tmp_path):
    runs = [_run(tmp_path / "a", A, **LEFT), tmp_path / "nothing"]
    assert write_mosaics(runs, tmp_path / "mosaic") == ([], "fewer than two regions have maps")


def test_what_was_made_up_in_one_region_is_said_of_the_whole(tmp_path):
    runs = [_run(tmp_path / "a", A, **LEFT), _run(tmp_path / "b", B, **RIGHT)]
    with rasterio.open(runs[1] / "maps" / "SOCS_POML_1980.tif", "r+") as file:
        file.update_tags(POML_MAP_SYNTHETIC="YES", POML_MAP_ASSUMED="mu < 1", POML_MAP_REGION="b")
    (path,), _ = write_mosaics(runs, tmp_path / "mosaic")
    with rasterio.open(path) as file:
        assert file.tags() == {"POML_MAP_SYNTHETIC": "YES", "POML_MAP_ASSUMED": "mu < 1"}
        assert file.units == ("kg C m-2",)
