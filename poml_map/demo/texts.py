"""What the demo folder says in words: region.yaml, README.txt, truth.json."""

from __future__ import annotations

import json

import numpy as np

from poml_map.demo.land import CLASSES
from poml_map.demo.rasters import MARK
from poml_map.demo.sizes import RUN_YEARS, Size
from poml_map.demo.truth import PARAMETERS, management
from poml_map.demo.world import GRID_CRS, World

_REGION = """\
# Settings of one region. Every key that is left out has a default; see the documentation.
# This region is synthetic: a program made it, for learning and testing.
name: demo
title: Synthetic demo region ({size})
synthetic: true                 # written on every map, picture and page

catalog: data_catalog.yaml      # where each source lies, and in which unit
sources: [dem, temperature, precipitation, pet, ndvi, clay, bulk_density, coarse_fragments, counties, fertilizer,
  cropland]

area:
  polygons: counties            # or a box: bounds: [{west}, {south}, {east}, {north}] and crs: "EPSG:4326"
  mask: cropland
grid: {{crs: "{crs}", resolution: {resolution}}}   # metres
years: 1980-2000
spinup_years: 1960-1979
depth_cm: 20
units: kg/m2                    # or t/ha

fill: {{ndvi: climatology}}       # the satellite series begins in 1982

samples:
  file: samples.csv
  crs: "EPSG:4326"
  columns: {{site: site, x: lon, y: lat, year: year, soc: soc_g_kg}}
  units: {{soc: g/kg}}
  bulk_density: BD              # not measured: taken from the soil map, for both years
  coarse_fragments: CF

hybrid: {{w_p: 0.5, n_trees: 200, max_features: sqrt, seed: 0}}
validation: {{folds: 5, seed: 0}}
{ask}intervals: {{level: 0.9}}         # limits of stocks and of their change; takes longer than all the rest
"""

_README = """\
SYNTHETIC DEMO REGION

{mark}

A program made everything here (poml-map demo, size {size}, seed {seed}). It resembles a plain of paddy fields
between hills, a lake and a bay in eastern China, but no place, county or sample in it is real.

region.yaml         settings; start with:  poml-map run region.yaml
data_catalog.yaml   where each source lies
samples.csv         {n_sites} sites, sampled in 1980 and again in 2000: carbon content in g/kg
sources/            dem.tif, cropland.tif        {dem:.5f} degree, EPSG:4326; classes: {classes}
                    clay.tif, bulk_density.tif, coarse_fragments.tif    {soil} m, Albers projection
                    ndvi_1982.tif ... 2000       {ndvi:.5f} degree, twelve bands a year
                    TerraClimate_*.nc            monthly climate 1960-2000, 1/24 degree, named and packed as
                                                 TerraClimate is, but not its data
                    counties.gpkg, fertilizer.csv
truth/              SOCS_TRUTH_1980.tif ... 2000 the true stock, which no model may read; site_stock.csv is the
                    same at the sites; truth.json says how it was made

The truth comes from other laws than the models of this program: three pools with rates of their own, Q10,
input that saturates with fertilizer, counties that treat straw and manure each in its own way, and random
fields that no covariate shows. Scores on this region say whether the program works, not how well a method
will do elsewhere.
"""


def region_text(size: Size, intervals: bool) -> str:
    """The text of region.yaml; without intervals it shows how to ask for them."""
    west, south, east, north = size.bounds
    return _REGION.format(
        size=size.name,
        west=west,
        south=south,
        east=east,
        north=north,
        crs=GRID_CRS,
        resolution=size.resolution,
        ask="" if intervals else "# ",
    )


def readme_text(size: Size, seed: int) -> str:
    """The text of README.txt."""
    classes = ", ".join(f"{code} {name}" for code, name in CLASSES.items())
    return _README.format(
        mark=MARK, size=size.name, seed=seed, n_sites=size.n_sites, dem=size.dem_step, classes=classes,
        soil=size.soil_step, ndvi=size.ndvi_step,
    )  # fmt: skip


def truth_text(world: World, stock: np.ndarray, chosen: np.ndarray) -> str:
    """The text of truth.json: laws, parameters, and what came out."""
    change = stock[-1] - stock[0]
    inputs = management(world)
    document = {
        "synthetic": True,
        "note": MARK,
        "size": world.size.name,
        "seed": world.seed,
        "unit": "kg/m2",
        "years": [RUN_YEARS[0], RUN_YEARS[-1]],
        "laws": {
            "pools": "fast -> slow, passive constant; yearly steps; losses 1 - exp(-decay * rate)",
            "rate": "mean over months of q10^((T - Tref) / 10) * 1.3 d / (0.35 + d) * exp(-0.06 d), d = rain / "
            "demand; times 1 - paddy_slowing * flooding",
            "input": "what keeps the stock of 1980 * history of the field * management of county and year * "
            "weather of the year",
            "management": "(1 + fertilizer_response F / (F + fertilizer_half)), relative to 1980; less green "
            "manure that was given up; more straw that came back; the last two by county, at random",
            "stock_1980": "mean + explained part (clay, ground water, vigour, slope, height, fertilizer) + "
            "random field that no covariate shows",
        },
        "parameters": PARAMETERS,
        "input_relative_to_1980": {
            code: np.round(series, 4).tolist()
            for code, series in zip(world.counties.table["code"], inputs, strict=True)
        },
        "result": {
            "pixels": int(stock.shape[1]),
            "mean_by_year": np.round(stock.mean(axis=1, dtype=float), 4).tolist(),
            "sd_1980": round(float(stock[0].std(dtype=float)), 4),
            "sd_2000": round(float(stock[-1].std(dtype=float)), 4),
            "mean_change": round(float(change.mean(dtype=float)), 4),
            "sd_change": round(float(change.std(dtype=float)), 4),
            "share_of_pixels_that_lose": round(float((change < 0).mean()), 4),
            "mean_change_at_sites": round(float(change[chosen].mean(dtype=float)), 4),
        },
    }
    return json.dumps(document, indent=2) + "\n"
