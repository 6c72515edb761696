"""The manifest: every file that went in, by a digest that moves with any byte; JSON that any program reads."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from poml_map.config import load_region
from poml_map.pipeline.clock import now
from poml_map.pipeline.manifest import input_digest, input_files, to_json, versions

STATIC = ["dem.tif", "clay.tif", "counties.gpkg", "fert.csv", "crop.tif", "samples.csv"]


@pytest.fixture
def files(region, tmp_path):
    """The small region with every file that it may read; later years and other files lie there too."""

    def make(*changes, catalog=()):
        where = region(*changes, catalog=catalog)
        climate = [
            f"{name}_{year}.nc" for name in ("t_tmin", "t_tmax", "p", "e") for year in range(1960, 1989)
        ]
        ndvi = [f"n_{year}_{month:02d}.tif" for year in range(1982, 1989) for month in range(1, 13)]
        for name in [*STATIC, *climate, *ndvi, "other.tif"]:
            (tmp_path / name).write_bytes(name.encode())
        return where

    return make


def test_every_file_of_every_driver_is_there_and_no_other(files):
    found = set(input_files(files()))
    climate = {f"{name}_{year}.nc" for name in ("t_tmin", "t_tmax", "p", "e") for year in range(1960, 1987)}
    ndvi = {f"n_{year}_{month:02d}.tif" for year in range(1982, 1987) for month in range(1, 13)}
    assert found == {"region.yaml", "data_catalog.yaml", *STATIC, *climate, *ndvi}


def test_years_after_the_run_that_a_climatology_is_made_of_are_inputs(files):
    where = files(("years: 1980-1986", "years: 1980-1983"))
    assert "n_1986_12.tif" in input_files(where)
    assert "n_1987_01.tif" not in input_files(where)


def test_the_digest_moves_with_one_byte_of_any_file_and_not_with_its_time(files, tmp_path):
    where = files()
    before = input_files(where)
    for name in ("region.yaml", "data_catalog.yaml", "samples.csv", "dem.tif", "fert.csv", "e_1960.nc"):
        path = tmp_path / name
        content = path.read_bytes()
        os.utime(path, (0, 0))
        assert input_files(where) == before
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        after = input_files(where)
        assert [key for key in before if after[key] != before[key]] == [name]
        assert input_digest(after) != input_digest(before)
        path.write_bytes(content)
    assert input_digest(input_files(where)) == input_digest(before)


def test_a_zarr_store_is_one_input_whose_every_part_counts(files, tmp_path):
    where = files(
        catalog=[
            (
                "driver: raster, role: clay, uri: clay.tif",
                "driver: zarr, role: clay, variable: c, uri: c.zarr",
            )
        ]
    )
    (tmp_path / "c.zarr" / "c").mkdir(parents=True)
    (tmp_path / "c.zarr" / "c" / "0.0").write_bytes(b"chunk")
    (tmp_path / "c.zarr" / "zarr.json").write_bytes(b"{}")
    digests = [input_files(where)["c.zarr"]]
    (tmp_path / "c.zarr" / "c" / "0.0").write_bytes(b"chunc")
    digests.append(input_files(where)["c.zarr"])
    (tmp_path / "c.zarr" / "c" / "0.0").rename(tmp_path / "c.zarr" / "c" / "0.1")
    digests.append(input_files(where)["c.zarr"])
    assert len(set(digests)) == 3


def test_the_parts_of_a_shapefile_are_inputs_too(files, tmp_path):
    where = files(catalog=[("uri: counties.gpkg", "uri: borders/counties.shp")])
    (tmp_path / "borders").mkdir()
    for end in ("shp", "dbf", "shx", "prj"):
        (tmp_path / "borders" / f"counties.{end}").write_text(end)
    (tmp_path / "borders" / "rivers.dbf").write_text("not ours")
    found = {name for name in input_files(where) if name.startswith("borders/")}
    assert found == {f"borders/counties.{end}" for end in ("shp", "dbf", "shx", "prj")}


def test_what_gdal_reads_beside_a_raster_is_an_input_too(files, tmp_path):
    where = files()
    for name in ("clay.tif", "clay.tfw", "clay.tif.msk", "clay.tif.aux.xml", "clay.txt"):
        (tmp_path / name).write_text(name)
    found = {name for name in input_files(where) if name.startswith("clay")}
    assert found == {"clay.tif", "clay.tfw", "clay.tif.msk"}


def test_files_of_the_same_name_in_two_catalogs_are_both_there(files, tmp_path):
    for folder, name in (("one", "wet"), ("two", "dry")):
        (tmp_path / folder).mkdir()
        entry = f"  {name}: {{driver: raster, role: covariate, uri: same.tif, unit: m, column: {name}}}\n"
        (tmp_path / folder / "c.yaml").write_text(f"version: 1\nsources:\n{entry}")
        (tmp_path / folder / "same.tif").write_text(name)
    where = files(
        ("name: small\n", "name: small\ncatalog: [data_catalog.yaml, one/c.yaml, two/c.yaml]\n"),
        ("fert, crop]", "fert, crop, wet, dry]"),
    )
    found = input_files(where)
    assert {"one/c.yaml", "two/c.yaml", "data_catalog.yaml"} <= set(found)
    same = [digest for name, digest in found.items() if name.endswith("same.tif")]
    assert len(set(same)) == 2


def test_a_region_file_behind_a_link_is_an_input(files, tmp_path):
    files()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.yaml").symlink_to(tmp_path / "region.yaml")
    where = load_region(tmp_path / "elsewhere" / "link.yaml")
    assert "link.yaml" in input_files(where)


def test_any_value_becomes_valid_json():
    content = {
        "nan": np.nan,
        "inf": -np.inf,
        "float": np.float32(0.5),
        "int": np.int64(3),
        "flag": np.bool_(True),
        "array": np.array([[1.0, np.nan]]),
        "range": range(2),
        "tuple": (1, None, "ä"),
        "path": Path("a/b"),
        1980: OrderedDict(rows=pd.Series([1, 2])),
        "time": pd.Timestamp("1980-12-31"),
    }
    text = to_json(content)
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert found == {
        "nan": None,
        "inf": None,
        "float": 0.5,
        "int": 3,
        "flag": True,
        "array": [[1.0, None]],
        "range": [0, 1],
        "tuple": [1, None, "ä"],
        "path": "a/b",
        "1980": {"rows": [1, 2]},
        "time": "1980-12-31 00:00:00",
    }
    assert found["flag"] is True
    assert text.endswith("}\n")


def test_versions_and_time_are_texts():
    found = versions()
    assert {"poml_map", "python", "scikit-learn", "rasterio"} <= set(found)
    assert "unknown" not in found.values()
    assert now().endswith("+00:00")
