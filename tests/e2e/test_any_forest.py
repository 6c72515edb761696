"""The forest of a finished run, mapped again from its file by the function that maps any forest."""

import pytest
from numpy.testing import assert_array_equal

import poml_map
from poml_map.errors import InputError
from poml_map.hybrid import load_forest


def test_the_file_of_a_forest_and_the_cube_make_the_map_of_the_run_bit_by_bit(demo, finished):
    saved = load_forest(str(finished / "forest_poml.npz"))
    cube = poml_map.open_cube(demo / "region.yaml")
    maps = poml_map.map_forest(saved, cube, mask=cube["mask"])
    with poml_map.open_store(finished / "maps.zarr") as stored:
        poml = stored["POML"].load()
    # What RothC misses is no gap of a forest's map.
    assert_array_equal(maps["mean"].compute().where(poml.notnull()), poml)
    assert maps["mean"].attrs["units"] == poml.attrs["units"]
    assert maps.rio.crs == poml.rio.crs


def test_a_cube_in_another_unit_is_refused(demo, finished):
    saved = load_forest(str(finished / "forest_poml.npz"))
    cube = poml_map.open_cube(demo / "region.yaml")
    cube["TMP"] = (cube["TMP"] + 273.15).assign_attrs(units="K")
    with pytest.raises(
        InputError, match="covariate TMP: found units K, expected degC, as the forest learned it"
    ):
        poml_map.map_forest(saved, cube)
