"""Turn the public layers of Xuancheng into the inputs of `poml-map run`.

Example: python examples/xuancheng/prepare.py --data-root DATA --out xuancheng
"""

from __future__ import annotations

import argparse
import calendar
import os
from datetime import datetime
from pathlib import Path
from string import Template

import netCDF4
import numpy as np
import pandas as pd
import pyproj
import rasterio
import xarray as xr

HERE = Path(__file__).parent
CELL = 200  # of the layers [m]
YEARS = range(1971, 2001)  # spin-up 1971-1979, run 1980-2000
NORMAL = slice(1971, 2000)  # what a station's anomalies are measured against

# Of the two Shanghai stations the one without a gap, and with the weaker urban warming.
STATION = "CHM00058362"

# Bulk density of pure organic matter, Adams (1973), J. Soil Sci. 24, 10-17, and of the mineral part,
# Mann (1986), Soil Sci. 142, 279-288. [g/cm3]
ORGANIC_DENSITY, MINERAL_DENSITY = 0.244, 1.64

HOT = 26.5  # from here on Thornthwaite's power law runs too high; Willmott et al. (1985), Eq. 2 [degC]
FILL = -32768
TIME_UNITS = "days since 1900-01-01"
VARIABLES = {  # name -> unit, what a stored whole number stands for
    "tmean": ("degC", 0.01),
    "ppt": ("mm/month", 0.1),
    "pet": ("mm/month", 0.1),
}


def main() -> None:
    """Parse, prepare, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-root", type=Path, required=True, help="folder with xuancheng/, hjh/, fertilizer/"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--resolution", type=int, default=CELL, help="pixel size in m; default 200")
    arguments = parser.parse_args()
    prepare(arguments.data_root, arguments.out, arguments.resolution)
    print(f"{arguments.out / 'region.yaml'}")


def prepare(data_root: Path, out: Path, resolution: int = CELL) -> None:
    """Write region.yaml, data_catalog.yaml, samples.csv and derived/ to `out`.

    Parameters
    ----------
    data_root : Path
    out : Path
    resolution : int
        Pixel size of the maps, and of the climate files; 200 is the grid of the layers themselves. [m]
    """
    (out / "derived").mkdir(parents=True, exist_ok=True)
    write_settings(data_root, out, resolution)
    write_samples(data_root / "xuancheng" / "samples_som.csv", out / "samples.csv")
    layers = {name: read_raster(data_root / "xuancheng" / f"{name}.tif")
              for name in ("dem", "slope", "twi", "temperature", "precipitation")}  # fmt: skip
    write_mask(data_root / "xuancheng" / "dem.tif", layers, out / "derived" / "mapped.tif")
    block = max(resolution // CELL, 1)
    write_climate(data_root, layers["temperature"], layers["precipitation"], out / "derived", block)


def write_settings(data_root: Path, out: Path, resolution: int) -> None:
    """region.yaml and data_catalog.yaml, which point at the original layers where they lie."""
    root = Path(os.path.relpath(data_root.resolve(), out.resolve())).as_posix()
    grid = "{like: dem}" if resolution == CELL else f'{{crs: "EPSG:32650", resolution: {resolution}}}'
    for name in ("region", "data_catalog"):
        text = Template((HERE / f"{name}.template.yaml").read_text(encoding="utf-8"))
        filled = text.safe_substitute(data_root=root, grid=grid)
        (out / f"{name}.yaml").write_text(filled, encoding="utf-8")


def write_samples(source: Path, target: Path) -> None:
    """The sample table with a bulk density, which nobody measured, estimated from its organic matter."""
    table = pd.read_csv(source)
    table["bulk_density_estimated"] = bulk_density(table["som_g_kg"]).round(4)
    columns = ["id", "x_utm50n", "y_utm50n", "som_g_kg", "bulk_density_estimated"]
    table[columns].to_csv(target, index=False)


def bulk_density(organic_matter):
    """Bulk density of a mixture of organic and mineral matter. [g/cm3]

    Parameters
    ----------
    organic_matter : array_like
        [g/kg]

    Examples
    --------
    >>> float(bulk_density(20.0).round(2))
    1.47
    """
    percent = np.asarray(organic_matter, float) / 10
    return 100 / (percent / ORGANIC_DENSITY + (100 - percent) / MINERAL_DENSITY)


def read_raster(path: Path) -> np.ndarray:
    """First band, NaN where missing."""
    with rasterio.open(path) as raster:
        return raster.read(1, masked=True).astype(float).filled(np.nan)


def write_mask(like: Path, layers: dict[str, np.ndarray], target: Path) -> None:
    """1 where every layer has a value, else 0."""
    mapped = np.all([np.isfinite(layer) for layer in layers.values()], axis=0)
    with rasterio.open(like) as raster:
        profile = raster.profile | {"dtype": "uint8", "nodata": None, "compress": "deflate"}
    with rasterio.open(target, "w", **profile) as raster:
        raster.write(mapped.astype("uint8"), 1)


def write_climate(data_root: Path, annual_temp, annual_precip, folder: Path, block: int) -> None:
    """Monthly temperature, precipitation and evapotranspiration, one NetCDF a variable and year.

    Parameters
    ----------
    data_root : Path
    annual_temp, annual_precip : ndarray, shape (rows, columns)
        [degC], [mm/year]
    folder : Path
    block : int
        Cells along one side of a block that the files give the mean of.
    """
    annual_temp, annual_precip = block_mean(annual_temp, block), block_mean(annual_precip, block)
    x, y, lon, lat = cell_centres(data_root / "xuancheng" / "temperature.tif", annual_temp.shape, block)
    course, share = seasonal_course(data_root / "hjh" / "climate_normals_monthly.nc", lon, lat)
    anomalies = station_anomalies(data_root / "hjh" / "ghcnm_shanghai_tavg_1971_2005.csv")
    normal = annual_temp + course
    precip = annual_precip * share
    for year in YEARS:
        temp = normal + anomalies.loc[year].to_numpy()[:, None, None]
        fields = {"tmean": temp, "ppt": precip, "pet": thornthwaite(temp, normal, lat, year)}
        for name, values in fields.items():
            write_year(folder / f"{name}_{year}.nc", name, year, values, x, y)


def block_mean(values: np.ndarray, block: int) -> np.ndarray:
    """Mean of the cells of each block that have a value; NaN where none has. The last blocks may be cut.

    Examples
    --------
    >>> block_mean(np.array([[1.0, 3.0, np.nan], [np.nan, 2.0, np.nan]]), 2)
    array([[ 2., nan]])
    """
    ragged = [(0, -length % block) for length in values.shape]
    padded = np.pad(values, ragged, constant_values=np.nan)
    parts = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block)
    count = np.isfinite(parts).sum(axis=(1, 3))
    total = np.nansum(parts, axis=(1, 3))
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def cell_centres(path: Path, shape: tuple[int, int], block: int):
    """x [m], y [m] of the columns and rows of blocks; longitude and latitude [degree] of each."""
    with rasterio.open(path) as raster:
        transform, crs = raster.transform, raster.crs
    x = transform.c + transform.a * block * (np.arange(shape[1]) + 0.5)
    y = transform.f + transform.e * block * (np.arange(shape[0]) + 0.5)
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    return x, y, lon, lat


def seasonal_course(path: Path, lon: np.ndarray, lat: np.ndarray):
    """The year's course in the coarse normals: what months differ from the year's mean, and their share of its rain.

    Parameters
    ----------
    path : Path
    lon, lat : ndarray, shape (rows, columns)

    Returns
    -------
    course : ndarray, shape (12, rows, columns)
        Mean 0 over the months. [degC]
    share : ndarray, shape (12, rows, columns)
        Sum 1 over the months. [-]
    """
    at_lon, at_lat = (xr.DataArray(values, dims=("row", "column")) for values in (lon, lat))
    with xr.open_dataset(path) as normals:
        temp = normals["tavg_clim"].interp(lon_t=at_lon, lat_t=at_lat).to_numpy().astype(float)
        rain = normals["ppt_clim"].interp(lon_p=at_lon, lat_p=at_lat).to_numpy().astype(float)
    return temp - temp.mean(axis=0), rain / rain.sum(axis=0)


def station_anomalies(path: Path) -> pd.DataFrame:
    """Monthly temperature of the station less its own mean of that month, year x month. [degC]"""
    table = pd.read_csv(path)
    months = table[table["station"] == STATION].pivot_table(index="year", columns="month", values="tavg_c")
    anomalies = (months - months.loc[NORMAL].mean()).loc[YEARS[0] : YEARS[-1]]
    if anomalies.shape != (len(YEARS), 12) or anomalies.isna().any(axis=None):
        raise SystemExit(f"{path}: station {STATION} has gaps in {YEARS[0]}-{YEARS[-1]}")
    return anomalies


def thornthwaite(temp: np.ndarray, normal: np.ndarray, latitude: np.ndarray, year: int) -> np.ndarray:
    """Potential evapotranspiration of a year's months. [mm/month]

    Parameters
    ----------
    temp : ndarray, shape (12, ...)
        Air temperature of the months. [degC]
    normal : ndarray, shape (12, ...)
        Its long-term mean, from which the heat index is made. [degC]
    latitude : ndarray, shape (...)
        [degree]
    year : int

    References
    ----------
    Thornthwaite (1948), doi 10.2307/210739; Willmott et al. (1985), doi 10.1002/joc.3370050602.

    Examples
    --------
    >>> warm = np.full((12, 1), 20.0)
    >>> thornthwaite(warm, warm, np.zeros(1), 1981)[0].round(1)
    array([76.3])
    """
    heat = (np.maximum(normal, 0) / 5) ** 1.514
    heat = heat.sum(axis=0)
    power = 6.75e-7 * heat**3 - 7.71e-5 * heat**2 + 1.792e-2 * heat + 0.49239
    mild = 16 * (10 * np.maximum(temp, 0) / heat) ** power
    hot = -415.85 + 32.24 * temp - 0.43 * temp**2
    days = [calendar.monthrange(year, month)[1] for month in range(1, 13)]
    scale = np.stack([day_length(latitude, month) / 12 * n / 30 for month, n in enumerate(days, 1)])
    return np.where(temp < HOT, mild, hot) * scale


def day_length(latitude: np.ndarray, month: int) -> np.ndarray:
    """Hours of daylight in the middle of a month; Allen et al. (1998), FAO 56, Eq. 24, 25 and 34.

    Examples
    --------
    >>> day_length(np.array([0.0, 31.0]), 6).round(1)
    array([12., 14.])
    """
    declination = 0.409 * np.sin(2 * np.pi / 365 * (30.4 * month - 15) - 1.39)
    sunset = np.arccos(-np.tan(np.radians(latitude)) * np.tan(declination))
    return 24 / np.pi * sunset


def write_year(path: Path, name: str, year: int, values: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Twelve months of one variable as whole numbers with a scale, as TerraClimate packs them."""
    unit, step = VARIABLES[name]
    months = [datetime(year, month, 1) for month in range(1, 13)]
    start = netCDF4.date2num(months, TIME_UNITS, "standard")
    with netCDF4.Dataset(path, "w") as data:
        for dim, numbers, units in (("time", start, TIME_UNITS), ("y", y, "m"), ("x", x, "m")):
            data.createDimension(dim, len(numbers))
            axis = data.createVariable(dim, "f8", (dim,))
            axis[:], axis.units = numbers, units
        data["time"].calendar = "standard"
        field = data.createVariable(
            name, "i2", ("time", "y", "x"), compression="zlib", complevel=1, fill_value=FILL,
            chunksizes=(12, min(len(y), 128), min(len(x), 128)),
        )  # fmt: skip
        field.units, field.scale_factor = unit, step
        field.set_auto_maskandscale(False)
        field[:] = np.where(np.isfinite(values), np.round(np.nan_to_num(values) / step), FILL).astype("i2")


if __name__ == "__main__":
    main()
