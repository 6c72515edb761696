"""A few sites with seven years of drivers, samples made by a known process model, and their region."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from poml_map import schema
from poml_map.config import load_region
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model
from poml_map.sites import Samples

YEARS = range(1980, 1987)


@pytest.fixture
def region(region_file):
    """Loads the small region with seven years, few trees, and these lines below the sections and at the top.

    `land_use` adds a source of classes and one of manure.
    """

    def load(*changes, top="", rothc="", w_p=0.5, folds=3, catalog=(), land_use=False):
        if land_use:
            source = "  use: {driver: raster, role: land_use, uri: use.tif}\n  manure: {driver: raster, "
            source += 'role: manure, uri: "m_{year}.tif", unit: kg/m2/year, years: [1980, 2000]}\n'
            changes = (*changes, ("fert, crop]", "fert, crop, use, manure]"))
            catalog = (*catalog, ("  crop: {driver", f"{source}  crop: {{driver"))
        return load_region(
            region_file(
                ("name: small\n", f"name: small\n{top}"),
                ("years: 1980-2000", f"years: {YEARS[0]}-{YEARS[-1]}"),
                ("  w_p: 0.5\n", f"  w_p: {w_p}\n  n_trees: 5\n"),
                ("folds: 5", f"folds: {folds}"),
                ("  cover_ndvi: 0.4\n", f"  cover_ndvi: 0.4\n{rothc}"),
                *changes,
                catalog=catalog,
            )
        )

    return load


@pytest.fixture(scope="session")
def points():
    """What the cube says at n sites: warming, and a fertilizer that doubles."""

    def make(n=12, seed=0, years=YEARS):
        rng = np.random.default_rng(seed)
        months = 12 * len(years)
        season = np.sin((np.arange(months) % 12 - 3) * np.pi / 6)[:, None]

        def monthly(level, swing, spread):
            return ("time", "site"), level + swing * season + rng.uniform(-spread, spread, (months, n))

        data = {
            "air_temp": monthly(16, 11, 1),
            "precip": monthly(110, 60, 20),
            "pet": monthly(80, 60, 5),
            "ndvi": monthly(0.45, 0.2, 0.1),
            "CLAY": ("site", rng.uniform(12, 40, n)),
            "FER": (("year", "site"), np.linspace(100, 200, len(years))[:, None] * rng.uniform(0.8, 1.2, n)),
        }
        for name in schema.MONTHLY:
            mean = data[name][1].reshape(len(years), 12, n).mean(axis=0)
            data[schema.spinup_name(name)] = (("month", "site"), mean)
        data["LAND_USE"] = "site", np.arange(n) % 2 + 1
        data["MANURE"] = ("year", "site"), np.linspace(0.01, 0.05, len(years))[:, None] * np.linspace(0, 1, n)
        for name in ("ELEV", "SLP", "SPI"):
            data[name] = ("site", rng.uniform(0, 30, n))
        for name in schema.ANNUAL_FROM_MONTHLY:
            data[name] = (("year", "site"), rng.uniform(0, 1, (len(years), n)))
        data = {name: (dims, values.astype("float32")) for name, (dims, values) in data.items()}
        return xr.Dataset(data, coords={"year": list(years), "in_mask": ("site", np.ones(n, bool))})

    return make


@pytest.fixture(scope="session")
def samples_of():
    """Samples from rows of (site, year, stock)."""

    def make(rows):
        table = pd.DataFrame(rows, columns=["site", "year", "stock"])
        place = pd.factorize(table["site"])[0] * 1000.0
        table = table.assign(
            x=place, y=place, soc=np.nan, bulk_density=np.nan, coarse_fragments=np.nan, in_mask=True
        )
        table.index = pd.RangeIndex(2, len(table) + 2, name="line")
        return Samples.of(table, "samples.csv")

    return make


@pytest.fixture(scope="session")
def observe(samples_of):
    """Samples whose later stocks are what the process model gives with known parameters.

    `first` is the year of each site's first campaign, `later` a list of (position, year).
    """

    def make(region, points, ids, first, later, mu_max=1.4, k_m=0.06, noise=0.0):
        rng = np.random.default_rng(1)
        rows = list(zip(ids, first, rng.uniform(3, 6, len(ids)), strict=True))
        model = build_site_model(region, samples_of(rows), points, process_options(region))
        stocks = model.simulate(mu_max, k_m)
        error = rng.normal(0, noise, len(later)) if noise else np.zeros(len(later))
        rows += [
            (ids[site], year, stocks[year - region.years[0], site] + more)
            for (site, year), more in zip(later, error, strict=True)
        ]
        return samples_of(rows)

    return make


@pytest.fixture
def twice(region, points, observe):
    """Region, points and samples of 12 sites with campaigns in 1980 and 1986."""
    where, here = region(), points()
    ids = [f"s{number}" for number in range(12)]
    return where, here, observe(where, here, ids, [1980] * 12, [(site, 1986) for site in range(12)])


@pytest.fixture
def by_class(region, points, observe):
    """Region with `groups`, points and samples of 24 sites whose later stocks are those of their class's law."""

    def make(truth, classes=None, noise=0.0):
        where, here = region(rothc="  groups: LAND_USE\n", land_use=True), points(24)
        if classes is not None:
            here["LAND_USE"] = "site", np.asarray(classes, "float32")
        mu_max, k_m = np.array([truth[int(number)] for number in here["LAND_USE"].to_numpy()]).T
        ids, later = [f"s{number}" for number in range(24)], [(site, 1986) for site in range(24)]
        laws = {"mu_max": mu_max, "k_m": k_m}
        return where, here, observe(where, here, ids, [1980] * 24, later, **laws, noise=noise)

    return make
