"""What other programs make of a finished run: every file accepted, one mask, FAO's grid, the catalog."""

import shutil

import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate

from poml_map.products import made_maps, read_map, write_fao, write_stac
from poml_map.products.geotiff import NODATA


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run that a test may add to."""
    return shutil.copytree(finished, tmp_path / "run")


def test_every_map_is_cloud_optimised_without_a_warning_and_has_the_same_mask(finished):
    maps = made_maps(finished)
    assert len(maps) == len(list((finished / "maps").iterdir()))
    mask = np.isnan(read_map(maps[0].path))
    for made in maps:
        assert cog_validate(made.path, strict=True) == (True, [], []), made.path.name
        with rasterio.open(made.path) as file:
            assert file.nodata == NODATA
        assert (np.isnan(read_map(made.path)) == mask).all(), made.path.name


def test_fao_maps_of_a_run_keep_its_means(run):
    stocks = {made.path.stem: made for made in made_maps(run) if made.group in ("POML", "ML", "PO")}
    written = {path.name.removesuffix("_30s_t_ha.tif"): path for path in write_fao(run)}
    assert set(stocks) <= set(written)
    for stem in (f"SOCS_{model}_{year}" for model in ("POML", "PO") for year in (1980, 2000)):
        ours = np.nanmean(read_map(stocks[stem].path))
        assert 10 * ours == pytest.approx(np.nanmean(read_map(written[stem])), rel=0.01)


def test_the_catalog_of_a_run_finds_every_map_and_the_manifest(run):
    write_stac(run)
    catalog = pystac.Catalog.from_file(str(run / "stac" / "catalog.json"))
    assert catalog.get_single_link("describedby").href == "../manifest.json"
    assets = [asset for item in catalog.get_items(recursive=True) for asset in item.assets.values()]
    assert len(assets) == len(made_maps(run))
    assert "Synthetic data." in catalog.description
