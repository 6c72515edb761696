"""A mini region of a few dozen pixels with one source of each kind, written in the sources' own formats."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from types import SimpleNamespace

import cftime
import geopandas as gpd
import netCDF4
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from affine import Affine

from poml_map.config import load_region
from poml_map.cube import open_layers
from poml_map.errors import InputError
from poml_map.grid import Tile

BOUNDS = (120.0, 30.0, 120.3, 30.2)
YEARS = range(1980, 1982)
SPINUP_YEARS = range(1978, 1980)

SETTINGS = {
    "name": "mini",
    "synthetic": True,
    "sources": [
        "dem",
        "temperature",
        "precipitation",
        "pet",
        "ndvi",
        "clay",
        "counties",
        "fertilizer",
        "cropland",
    ],
    "area": {"bounds": list(BOUNDS), "mask": "cropland"},
    "grid": {"crs": "EPSG:32651", "resolution": 1000},
    "years": "1980-1981",
    "spinup_years": "1978-1979",
    "samples": {
        "file": "samples.csv",
        "columns": {"site": "site", "x": "lon", "y": "lat", "year": "year", "stock": "stock"},
        "units": {"stock": "kg/m2"},
    },
}

ENTRIES = {
    "dem": {
        "driver": "raster", "role": "elevation", "uri": "dem.tif", "unit": "m", "resampling": "average",
        "derive": ["SLP", "SPI"],
    },
    "temperature": {
        "driver": "netcdf", "role": "air_temperature", "uri": "tmean_{year}.nc", "variable": "tmean",
        "unit": "degC", "years": [1978, 1981],
    },
    "precipitation": {
        "driver": "netcdf", "role": "precipitation", "uri": "ppt.nc", "variable": "ppt", "unit": "mm/month",
        "years": [1978, 1981],
    },
    "pet": {"driver": "constant", "role": "pet", "value": [float(m * 10) for m in range(1, 13)], "unit": "mm/month"},
    "ndvi": {"driver": "raster", "role": "ndvi", "uri": "ndvi_{year}.tif", "unit": "1", "years": [1980, 1981]},
    "clay": {"driver": "raster", "role": "clay", "uri": "clay.tif", "unit": "g/kg"},
    "counties": {"driver": "vector", "role": "zones", "uri": "counties.gpkg", "key": "code", "name": "name"},
    "fertilizer": {
        "driver": "table", "role": "fertilizer", "uri": "fertilizer.csv", "unit": "kg/ha", "zones": "counties",
        "key": "code", "year": "year", "value": "fert", "years": [1980, 1981],
    },
    "cropland": {"driver": "raster", "role": "mask", "uri": "cropland.tif", "classes": [1]},
}  # fmt: skip


def elevation(lon, lat):
    """Elevation of the mini region. [m]"""
    return 100 + 400 * (lon - 120) + 200 * (lat - 30) + 20 * np.sin(40 * lon) * np.cos(50 * lat)


def air_temp(lon, lat, year, month):
    """Air temperature: a plane that warms by year. [degC]"""
    return 15 - 8 * np.cos(2 * np.pi * (month - 1) / 12) + (lon - 120) - 2 * (lat - 30) + 0.5 * (year - 1980)


def precip(lon, lat, year, month):
    """Precipitation: a plane. [mm/month]"""
    return 80 + 5 * month + 20 * (lon - 120) + 10 * (lat - 30) + (year - 1978)


def write_raster(path, values, west, north, step, crs="EPSG:4326", nodata=None, **options):
    """A GeoTIFF of `values`, shape (rows, columns) or (bands, rows, columns), north up."""
    values = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2],
        "dtype": values.dtype, "crs": crs, "transform": Affine(step, 0, west, 0, -step, north), "nodata": nodata,
    }  # fmt: skip
    scales = options.pop("scales", None)
    with rasterio.open(path, "w", **(profile | options)) as data:
        data.write(values)
        if scales:
            data.scales = [scales] * len(values)


def cell_centres(west, north, step, width, height):
    """Longitude and latitude of cell centres, shapes (1, width) and (height, 1)."""
    return (west + (np.arange(width) + 0.5) * step)[None], (north - (np.arange(height) + 0.5) * step)[:, None]


def write_netcdf(
    path, name, value, months, *, step=0.1, west=119.6, south=29.6, count=(11, 9), ascending=False, east360=False,
    calendar="standard", units="days since 1900-01-01", day=15, packed=True, degrees=True, fill=-32768, attrs=None,
):  # fmt: skip
    """Monthly NetCDF of ``value(lon, lat, year, month)`` in the given order of `months`."""
    lon = west + (np.arange(count[0]) + 0.5) * step
    lat = south + (np.arange(count[1]) + 0.5) * step
    lat = lat if ascending else lat[::-1]
    with netCDF4.Dataset(path, "w") as data:
        for dim, values, unit in (
            ("lat", lat, "degrees_north"),
            ("lon", lon % 360 if east360 else lon, "degrees_east"),
        ):
            data.createDimension(dim, len(values))
            variable = data.createVariable(dim, "f8", (dim,))
            variable[:] = values
            if degrees:
                variable.units = unit
        data.createDimension("time", len(months))
        time = data.createVariable("time", "f8", ("time",))
        time.units, time.calendar = units, calendar
        dates = [cftime.datetime(year, month, day, calendar=calendar) for year, month in months]
        time[:] = netCDF4.date2num(dates, units, calendar)
        dtype = "i2" if packed else "f4"
        variable = data.createVariable(
            name, dtype, ("time", "lat", "lon"), fill_value=fill if packed else None
        )
        if packed:
            variable.scale_factor, variable.add_offset = 0.01, 5.0
        for key, each in (attrs or {}).items():
            setattr(variable, key, each)
        for index, (year, month) in enumerate(months):
            variable[index] = value(lon[None], lat[:, None], year, month)


def write_static_netcdf(path, name, values, lon, lat, dtype="f4", degrees=True, fill=None, **attrs):
    """A NetCDF map without time; `lat` in the order of the rows."""
    with netCDF4.Dataset(path, "w") as data:
        for dim, axis, unit in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
            data.createDimension(dim, len(axis))
            variable = data.createVariable(dim, "f8", (dim,))
            variable[:] = axis
            if degrees:
                variable.units = unit
        variable = data.createVariable(name, dtype, ("lat", "lon"), fill_value=fill)
        for key, value in attrs.items():
            setattr(variable, key, value)
        variable[:] = values


def all_months(years):
    """(year, month) of whole years."""
    return [(year, month) for year in years for month in range(1, 13)]


class Mini:
    """The mini region's folder; entries and settings may be changed before `region`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.entries, self.settings = copy.deepcopy(ENTRIES), copy.deepcopy(SETTINGS)

    def region(self):
        """The loaded region."""
        catalog = {"version": 1, "sources": self.entries}
        (self.folder / "data_catalog.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
        (self.folder / "region.yaml").write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        return load_region(self.folder / "region.yaml")

    def add(self, name, **entry):
        """One more source."""
        self.entries[name] = entry
        self.settings["sources"] = [*self.settings["sources"], name]

    def __truediv__(self, name):
        return self.folder / name


def write_mini(folder: Path) -> None:
    """All sources."""
    lon, lat = cell_centres(119.9, 30.3, 1 / 240, 120, 96)
    write_raster(folder / "dem.tif", elevation(lon, lat).astype("float32"), 119.9, 30.3, 1 / 240)
    for year in range(1978, 1982):
        write_netcdf(folder / f"tmean_{year}.nc", "tmean", air_temp, all_months([year]))
    write_netcdf(folder / "ppt.nc", "ppt", precip, all_months(range(1978, 1982)), packed=False)
    lon, lat = cell_centres(119.8, 30.4, 0.02, 40, 32)
    for year in YEARS:
        values = np.stack(
            [0.1 + 0.05 * m + 0.2 * (lon - 120) + 0 * lat + 0.01 * (year - 1980) for m in range(1, 13)]
        )
        stored = np.round(values * 1e4).astype("int16")
        write_raster(folder / f"ndvi_{year}.tif", stored, 119.8, 30.4, 0.02, nodata=-3000, scales=1e-4)
    rng = np.random.default_rng(1)
    clay = rng.uniform(150, 400, (120, 120)).astype("float32")
    write_raster(folder / "clay.tif", clay, 770000, 3370000, 500, crs="EPSG:32650")
    boxes = [shapely.box(119.5, 29.5, 120.15, 30.5), shapely.box(120.15, 29.5, 120.8, 30.5)]
    frame = gpd.GeoDataFrame(
        {"code": ["330101", "330102"], "name": ["West", "East"]}, geometry=boxes, crs=4326
    )
    frame.to_file(folder / "counties.gpkg")
    rows = [f"{code},{year},{value}" for code, value in (("330101", 100), ("330102", 200)) for year in YEARS]
    (folder / "fertilizer.csv").write_text("code,year,fert\n" + "\n".join(rows) + "\n")
    cropland = np.ones((40, 60), "uint8")
    cropland[:10] = 2
    write_raster(folder / "cropland.tif", cropland, 119.9, 30.3, 0.01)


@pytest.fixture(scope="session")
def mini_files(tmp_path_factory) -> Path:
    """The mini region's sources, written once."""
    folder = tmp_path_factory.mktemp("mini")
    write_mini(folder)
    return folder


@pytest.fixture
def mini(tmp_path, mini_files) -> Mini:
    """A mini region of its own for each test."""
    shutil.copytree(mini_files, tmp_path, dirs_exist_ok=True)
    return Mini(tmp_path)


@pytest.fixture(scope="session")
def write() -> SimpleNamespace:
    """Writers of sources and the fields that the mini region is made from."""
    return SimpleNamespace(
        raster=write_raster, netcdf=write_netcdf, static=write_static_netcdf, cells=cell_centres, months=all_months,
        air_temp=air_temp, precip=precip, elevation=elevation,
    )  # fmt: skip


@pytest.fixture
def whole():
    """Reads the whole grid of a region as one tile."""
    return lambda cube: cube.read_tile(Tile(0, cube.grid.height, 0, cube.grid.width))


@pytest.fixture
def refused():
    """What `open_layers` says about a region that it refuses."""

    def problems(mini) -> str:
        with pytest.raises(InputError) as caught:
            open_layers(mini.region())
        return str(caught.value)

    return problems
