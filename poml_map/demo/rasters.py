"""The demo's rasters as the usual products come: GeoTIFF, and NetCDF packed by variable and year."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pyproj
import rasterio

from poml_map.demo.climate import Climate
from poml_map.demo.fields import Lattice
from poml_map.demo.land import CLASSES
from poml_map.demo.sizes import CLIMATE_YEARS, NDVI_YEARS, Size
from poml_map.demo.vegetation import NODATA, SCALE, Vegetation
from poml_map.demo.world import World

#: On everything.
MARK = "Synthetic: made by a program, no measurement. Not for decisions about any real place."

#: Equal-area projection that soil maps of China are often given in.
SOIL_CRS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
_SOIL_NODATA = -9999
# How far soil maps reach beyond the frame. [degree]
_SOIL_BORDER = 0.04

# TerraClimate's packing: unit, scale, offset, long name.
_PACKING = {
    "tmin": ("degC", 0.01, -99.0, "minimum temperature"),
    "tmax": ("degC", 0.01, -99.0, "maximum temperature"),
    "ppt": ("mm", 0.1, 0.0, "precipitation, total of the month"),
    "pet": ("mm", 0.1, 0.0, "reference evapotranspiration, total of the month"),
}
_MISSING = np.int16(-32768)


def write_geotiff(path: Path, bands: np.ndarray, crs: str, transform, **options) -> Path:
    """Bands (count, rows, columns) as a tiled, lightly packed GeoTIFF that says it is synthetic.

    `options` go to rasterio, but for `tags` (dict), `scale`, `unit` and `names` (one for each band).
    """
    tags, scale = options.pop("tags", {}), options.pop("scale", None)
    unit, names = options.pop("unit", None), options.pop("names", ())
    count, height, width = bands.shape
    profile = {
        "driver": "GTiff", "count": count, "height": height, "width": width, "dtype": bands.dtype,
        "crs": crs, "transform": rasterio.Affine(*transform), "compress": "deflate", "zlevel": 1,
        "predictor": 3 if bands.dtype.kind == "f" else 2, "tiled": True, "interleave": "band", "num_threads": 2,
    }  # fmt: skip
    with rasterio.open(path, "w", **(profile | options)) as file:
        file.update_tags(SYNTHETIC="yes", TIFFTAG_IMAGEDESCRIPTION=MARK, **tags)
        if scale is not None:
            file.scales = (scale,) * count
        if unit is not None:
            file.units = (unit,) * count
        for band, name in enumerate(names, start=1):
            file.set_band_description(band, name)
        file.write(bands)
    return path


def write_terrain(folder: Path, world: World) -> list[Path]:
    """Elevation and land cover on the cells of the DEM."""
    cover = world.land.cover
    height = np.rint(10.0 * world.land.terrain.height.values) / 10.0
    place = {"crs": "EPSG:4326", "transform": cover.lattice.transform}
    legend = {f"CLASS_{code}": name for code, name in CLASSES.items()}
    return [
        write_geotiff(folder / "dem.tif", height[None].astype(np.float32), nodata=-9999, unit="m", **place),
        write_geotiff(folder / "cropland.tif", cover.values[None], nodata=0, tags=legend, **place),
    ]


def write_soil(folder: Path, world: World) -> list[Path]:
    """Clay, bulk density and coarse fragments, in a projection of their own; each in another packing."""
    lon, lat, transform = _soil_cells(world.size)
    west, south, east, north = world.size.bounds
    outside = (np.abs(lon - (west + east) / 2) > (east - west) / 2 + _SOIL_BORDER) | (
        np.abs(lat - (south + north) / 2) > (north - south) / 2 + _SOIL_BORDER
    )

    def write(name: str, values: np.ndarray, step: float, dtype: str, **options) -> Path:
        stored = np.rint(values / step)
        stored = stored * step if dtype == "float32" else stored
        stored = np.where(outside, _SOIL_NODATA, stored).astype(dtype)
        nodata = {"nodata": _SOIL_NODATA}
        return write_geotiff(folder / name, stored[None], SOIL_CRS, transform, **nodata, **options)

    land = world.land
    return [
        write("clay.tif", land.clay(lon, lat), 0.1, "float32", unit="%"),
        write("bulk_density.tif", land.bulk_density(lon, lat), 0.001, "int16", unit="g/cm3", scale=0.001),
        write("coarse_fragments.tif", land.coarse_fragments(lon, lat), 0.01, "float32", unit="%"),
    ]


def _soil_cells(size: Size):
    """Longitude and latitude of the centres of the soil maps' cells, and their transform."""
    change = pyproj.Transformer.from_crs("EPSG:4326", SOIL_CRS, always_xy=True)
    west, south, east, north = size.bounds
    border = _SOIL_BORDER
    bounds = change.transform_bounds(
        west - border, south - border, east + border, north + border, densify_pts=51
    )
    step = size.soil_step
    left, bottom = (int(np.floor(value / step)) for value in bounds[:2])
    right, top = (int(np.ceil(value / step)) for value in bounds[2:])
    x = (np.arange(left, right) + 0.5) * step
    y = (np.arange(top, bottom, -1) - 0.5) * step
    lon, lat = change.transform(*np.meshgrid(x, y), direction="INVERSE")
    return lon, lat, (step, 0.0, left * step, 0.0, -step, top * step)


def write_ndvi(folder: Path, vegetation: Vegetation) -> list[Path]:
    """One file a year, a band a month."""
    names = [f"{month:02d}" for month in range(1, 13)]
    place = {"crs": "EPSG:4326", "transform": vegetation.lattice.transform}
    return [
        write_geotiff(
            folder / f"ndvi_{year}.tif", vegetation.year(year), nodata=NODATA, scale=SCALE, names=names, **place
        )
        for year in NDVI_YEARS
    ]  # fmt: skip


def write_climate(folder: Path, climate: Climate) -> list[Path]:
    """One file for each variable and year, named and packed as TerraClimate's."""
    paths = []
    for name in _PACKING:
        for year in CLIMATE_YEARS:
            paths.append(folder / f"TerraClimate_{name}_{year}.nc")
            _write_year(paths[-1], climate.lattice, name, year, climate.variable(name, year))
    return paths


def _write_year(path: Path, lattice: Lattice, name: str, year: int, values: np.ndarray) -> None:
    unit, scale, offset, long_name = _PACKING[name]
    starts = np.array([f"{year}-{month:02d}-01" for month in range(1, 13)], "datetime64[D]")
    axes = {
        "time": ("days since 1900-01-01", (starts - np.datetime64("1900-01-01")).astype(float)),
        "lat": ("degrees_north", lattice.lat),
        "lon": ("degrees_east", lattice.lon),
    }
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"title": f"Synthetic {long_name} {year}", "synthetic": "yes", "comment": MARK})
        for axis, (axis_unit, numbers) in axes.items():
            file.createDimension(axis, len(numbers))
            variable = file.createVariable(axis, "f8", (axis,))
            variable.setncatts({"units": axis_unit, "standard_name": _standard_name(axis)})
            variable[:] = numbers
        file["time"].calendar = "standard"
        variable = file.createVariable(name, "i2", ("time", "lat", "lon"), fill_value=_MISSING)
        packing = {"scale_factor": scale, "add_offset": offset}
        variable.setncatts({"units": unit, "long_name": long_name, "grid_mapping": "crs", **packing})
        variable.set_auto_maskandscale(False)
        variable[:] = np.rint((values - offset) / scale).astype(np.int16)
        crs = file.createVariable("crs", "i4")
        crs.setncatts(
            {
                "grid_mapping_name": "latitude_longitude",
                "semi_major_axis": 6378137.0,
                "inverse_flattening": 298.257223563,
                "longitude_of_prime_meridian": 0.0,
            }
        )


def _standard_name(axis: str) -> str:
    return {"time": "time", "lat": "latitude", "lon": "longitude"}[axis]
