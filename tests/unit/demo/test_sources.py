import geopandas
import netCDF4
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from poml_map.demo.sizes import CLIMATE_YEARS


@pytest.fixture(scope="module")
def climate(demo):
    """variable -> regional mean of each month, shape (years, 12)."""

    def means(name):
        years = []
        for year in CLIMATE_YEARS:
            with netCDF4.Dataset(demo / f"sources/TerraClimate_{name}_{year}.nc") as file:
                years.append(file[name][:].mean(axis=(1, 2)))
        return np.ma.array(years).filled()

    return {name: means(name) for name in ("tmin", "tmax", "ppt", "pet")}


def band_values(path, band=1):
    with rasterio.open(path) as file:
        values = file.read(band, masked=True).astype(float).filled(np.nan)
        return values * file.scales[band - 1], file


def test_climate_files_are_laid_out_and_packed_as_terraclimate(demo):
    with netCDF4.Dataset(demo / "sources/TerraClimate_tmax_1960.nc") as file:
        variable = file["tmax"]
        assert variable.dimensions == ("time", "lat", "lon")
        assert variable.dtype == np.int16
        assert {"scale_factor", "add_offset", "_FillValue", "units"} <= set(variable.ncattrs())
        assert (np.diff(file["lat"][:]) < 0).all()
        np.testing.assert_allclose(np.diff(file["lon"][:]), 1 / 24)
        assert len(file["time"]) == 12


def test_climate_is_that_of_a_humid_subtropical_plain(climate):
    mean = (climate["tmin"] + climate["tmax"]) / 2
    assert (climate["tmax"] > climate["tmin"] + 2).all()
    assert 15 < mean.mean() < 18
    assert 1150 < climate["ppt"].sum(axis=1).mean() < 1450
    assert climate["ppt"].mean(axis=0).argmax() == 5, "June, the plum rains"
    assert mean.mean(axis=0).argmax() in (6, 7)


def test_no_two_years_have_the_same_weather_and_the_last_are_warmer(climate):
    mean = ((climate["tmin"] + climate["tmax"]) / 2).mean(axis=1)
    assert mean.std() > 0.2
    assert mean[-10:].mean() > mean[:25].mean()
    assert climate["ppt"].sum(axis=1).std() > 80


def test_elevation_has_hills_in_the_west_and_a_plain_in_the_east(demo):
    height, _ = band_values(demo / "sources/dem.tif")
    thirds = np.array_split(height, 3, axis=1)
    assert thirds[0].max() > 150
    assert np.median(thirds[2]) < 15


def test_fields_are_green_twice_a_year(demo):
    """Winter wheat and rape, bare paddies in June, rice."""
    cover, file = band_values(demo / "sources/cropland.tif")
    with rasterio.open(demo / "sources/ndvi_1990.tif") as ndvi:
        assert ndvi.count == 12
        assert ndvi.dtypes[0] == "int16"
        lon, lat = ndvi.xy(*np.indices(ndvi.shape).reshape(2, -1))
        row, col = rasterio.transform.rowcol(file.transform, lon, lat)
        crop = cover[np.clip(row, 0, cover.shape[0] - 1), np.clip(col, 0, cover.shape[1] - 1)] == 1
        months = ndvi.read().reshape(12, -1)[:, crop].mean(axis=1) * ndvi.scales[0]
    assert months[3] > months[0] + 0.1
    assert months[5] < months[3] - 0.1
    assert months[7] > months[5] + 0.2


def test_soil_maps_have_a_projection_and_packing_of_their_own(demo):
    clay, file = band_values(demo / "sources/clay.tif")
    assert file.crs.to_dict()["proj"] == "aea"
    assert 15 < np.nanmean(clay) < 40
    density, file = band_values(demo / "sources/bulk_density.tif")
    assert file.dtypes[0] == "int16"
    assert 1.0 < np.nanmin(density) < np.nanmax(density) < 1.6
    stones, _ = band_values(demo / "sources/coarse_fragments.tif")
    assert np.nanmax(stones) > 1, "percent, not a share"


def test_counties_meet_without_gaps_or_overlaps(demo):
    counties = geopandas.read_file(demo / "sources/counties.gpkg")
    assert shapely.coverage_is_valid(counties.geometry.to_numpy())
    assert counties.crs.to_epsg() == 4326
    whole = shapely.union_all(counties.geometry.to_numpy())
    np.testing.assert_allclose(whole.area, shapely.area(counties.geometry.to_numpy()).sum(), rtol=1e-9)
    parts = shapely.get_parts(whole)
    assert max(part.area for part in parts) > 0.9 * whole.area


def test_county_codes_are_texts_with_leading_zeros(demo):
    counties = geopandas.read_file(demo / "sources/counties.gpkg")
    table = pd.read_csv(demo / "sources/fertilizer.csv", dtype={"code": str})
    assert counties["code"].str.fullmatch("0[0-9]{6}").all()
    assert set(counties["code"]) == set(table["code"])


def test_every_county_has_fertilizer_in_every_year_and_about_twice_as_much_in_the_end(demo):
    table = pd.read_csv(demo / "sources/fertilizer.csv", dtype={"code": str})
    years = table.pivot_table(index="code", columns="year", values="fert_kg_ha")
    assert list(years.columns) == list(range(1980, 2001))
    assert years.notna().all(axis=None)
    assert 1.7 < (years[2000] / years[1980]).mean() < 2.4
    assert (years.diff(axis=1).iloc[:, 1:] < 0).any(axis=None), "yearbooks wiggle"
