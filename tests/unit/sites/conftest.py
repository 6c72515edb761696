"""A small grid, samples at its pixel centres, and a region file whose `samples:` each test writes itself."""

import numpy as np
import pyproj
import pytest
import xarray as xr
import yaml

from poml_map.config import load_region
from poml_map.grid import Grid
from poml_map.sites import read_samples

CRS = "EPSG:32651"
GRID = Grid(CRS, (500.0, 0.0, 250000.0, 0.0, -500.0, 3400000.0), 8, 8)
_SAMPLES = (
    "samples:\n  file: samples.csv\n  columns: {site: site, x: lon, y: lat, year: year, soc: soc}\n"
    "  units: {soc: g/kg}\n  bulk_density: BD\n  coarse_fragments: CF\n"
)


def lonlat(x, y):
    return pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)


def rows(n=10, years=(1980, 2000), soc=20.0):
    """Rows (site, lon, lat, year, soc) of n sites on the diagonal, 100 m apart, in each year."""
    x = 250250.0 + 100 * np.arange(n)
    lon, lat = lonlat(x, 3399750.0 - 100 * np.arange(n))
    return [
        [f"s{i}", f"{lon[i]:.8f}", f"{lat[i]:.8f}", str(year), str(soc + i)]
        for year in years
        for i in range(n)
    ]


def text(table, header="site,lon,lat,year,soc", separator=","):
    lines = [header.replace(",", separator), *(separator.join(row) for row in table)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def region(region_file, tmp_path):
    """Writes a sample table (text or bytes) and a region file with these keys of `samples:`; loads the region."""

    def load(table=None, /, *changes, **keys):
        settings = {
            "file": "samples.csv",
            "columns": {"site": "site", "x": "lon", "y": "lat", "year": "year", "soc": "soc"},
            "units": {"soc": "g/kg"},
            "bulk_density": "BD",
            "coarse_fragments": "CF",
        }
        settings = {key: value for key, value in (settings | keys).items() if value is not None}
        if table is not None:
            content = table if isinstance(table, bytes) else table.encode()
            (tmp_path / settings["file"]).write_bytes(content)
        block = yaml.safe_dump({"samples": settings}, allow_unicode=True)
        return load_region(region_file((_SAMPLES, block), *changes))

    return load


@pytest.fixture
def read(region):
    """Samples of a table."""

    def call(table=None, grid=GRID, /, **keys):
        return read_samples(region(table, **keys), grid)

    return call


@pytest.fixture
def points_of():
    """What the cube would say at the sites: one static, one annual, one monthly variable, BD and CF."""

    def make(samples, bulk_density=1.3, coarse_fragments=0.05):
        n = len(samples.sites)
        site = np.ones(n, "float32")
        return xr.Dataset(
            {
                "ELEV": ("site", 5 * site),
                "TMP": (("year", "site"), 16 * np.ones((21, n), "float32")),
                "precip": (("time", "site"), 100 * np.ones((252, n), "float32")),
                "BD": ("site", bulk_density * site),
                "CF": ("site", coarse_fragments * site),
            },
            coords={"in_mask": ("site", np.ones(n, bool))},
        )

    return make


@pytest.fixture(scope="session")
def make():
    """The helpers above as attributes, for tests are not a package."""

    class Make:
        grid, crs, rows, text, lonlat = (
            GRID,
            CRS,
            staticmethod(rows),
            staticmethod(text),
            staticmethod(lonlat),
        )

    return Make


@pytest.fixture
def columns():
    """`samples.columns` with more or other columns."""

    def of(**others):
        known = {"site": "site", "x": "lon", "y": "lat", "year": "year", "soc": "soc"}
        return {key: value for key, value in (known | others).items() if value is not None}

    return of
