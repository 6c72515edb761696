"""All keys of `region.yaml`: types, ranges, defaults and the words that explain them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from poml_map import schema
from poml_map.catalog_entry import TableDialect
from poml_map.settings_rothc import RothC
from poml_map.yamlmodel import Settings


def _year_range(value) -> list[int]:
    match = re.fullmatch(r"\s*(\d{4})\s*-\s*(\d{4})\s*", value) if isinstance(value, str) else None
    if not match:
        raise ValueError("FIRST-LAST, both included, such as 1980-2000")
    first, last = (int(text) for text in match.groups())
    if first > last:
        raise ValueError("FIRST-LAST with FIRST not after LAST, such as 1980-2000")
    return [first, last]


YearRange = Annotated[list[int], BeforeValidator(_year_range)]
Share = Annotated[float, Field(ge=0, le=1)]


class Area(Settings):
    """What is mapped: a box or polygons, less what a mask takes out."""

    bounds: list[float] | None = Field(
        None, min_length=4, max_length=4, description="[xmin, ymin, xmax, ymax] in the area's crs",
        examples=["[119.2, 29.9, 121.2, 31.2]"],
    )  # fmt: skip
    crs: str = Field("EPSG:4326", description="the CRS of the bounds, in quotes", examples=['"EPSG:4326"'])
    polygons: str | None = Field(None, description="name of a source with polygons", examples=["counties"])
    where: dict[str, list[str]] = Field({}, description="column: [values as quoted texts]")
    mask: str | None = Field(None, description="name of a source with role mask", examples=["cropland"])


class GridSettings(Settings):
    """On which pixels."""

    crs: str | None = Field(None, description="a projected CRS in quotes", examples=['"EPSG:32651"'])
    resolution: float | None = Field(
        None, gt=0, description="pixel size above 0, in units of the CRS", examples=["250"]
    )
    like: str | None = Field(
        None, description="name of a raster source whose grid is taken", examples=["dem"]
    )


class SampleUnits(Settings):
    """Units of the columns of the sample table."""

    soc: str | None = Field(None, description="unit of the carbon content", examples=["g/kg"])
    bulk_density: str | None = Field(None, description="unit of the bulk density", examples=["g/cm3"])
    coarse_fragments: str | None = Field(None, description="unit of the coarse fragments", examples=['"%"'])
    stock: str | None = Field(None, description="unit of the stock", examples=["kg/m2"])


class SampleColumns(Settings):
    """Which column of the sample table is what."""

    site: str = Field("site", description="column with the site's id")
    x: str | None = Field(None, description="column with longitude or easting", examples=["lon"])
    y: str | None = Field(None, description="column with latitude or northing", examples=["lat"])
    year: str | None = Field(None, description="column with the sampling year", examples=["year"])
    soc: str | None = Field(None, description="column with the carbon content", examples=["soc_g_kg"])
    bulk_density: str | None = Field(None, description="column with the bulk density", examples=["bd"])
    coarse_fragments: str | None = Field(None, description="column with coarse fragments", examples=["cf"])
    stock: str | None = Field(None, description="column with the stock", examples=["socs"])


class Samples(Settings):
    """The soil samples."""

    file: str = Field(
        description="a CSV or vector file, relative to the region file", examples=["samples.csv"]
    )
    crs: str = Field("EPSG:4326", description="the CRS of x and y, in quotes", examples=['"EPSG:4326"'])
    columns: SampleColumns
    units: SampleUnits = SampleUnits()
    bulk_density: str | float | None = Field(None, description="a cube column, or one number in g/cm3")
    coarse_fragments: str | float | None = Field(None, description="a cube column, or one share from 0 to 1")
    soc_factor: float = Field(
        1.0, gt=0, description="what the content is multiplied by, 0.58 for organic matter", examples=["0.58"]
    )
    year: int | None = Field(
        None, description="the year of all samples, if the table has none", examples=["1980"]
    )
    table: TableDialect = TableDialect()
    duplicates: Literal["refuse", "mean"] = Field("refuse", description="refuse or mean")
    max_dropped: Share = Field(0.05, description="a share from 0 to 1", examples=["0.05"])


class Hybrid(Settings):
    """Options of the forest."""

    w_p: Share = Field(0.5, description="a number from 0 to 1", examples=["0.5"])
    time_weight: Literal["constant", "distance"] = Field("constant", description="constant or distance")
    n_trees: int = Field(200, ge=1, le=5000, description="a whole number from 1 to 5000", examples=["200"])
    max_features: Literal["sqrt", "log2", "all"] = Field("sqrt", description="sqrt, log2 or all")
    min_samples_leaf: int = Field(1, ge=1, description="a whole number from 1")
    seed: int = Field(0, ge=0, lt=2**31, description="a whole number from 0")


class Validation(Settings):
    """Options of the cross-validation."""

    folds: int = Field(5, ge=2, description="a whole number from 2 to the number of sites", examples=["5"])
    seed: int = Field(0, ge=0, lt=2**31, description="a whole number from 0")
    repeats: int = Field(3, ge=1, le=100, description="a whole number from 1 to 100", examples=["3"])
    block_km: float | None = Field(
        None, gt=0, description="side of the blocks of `validate` in km, above 0", examples=["20"]
    )


class Intervals(Settings):
    """Options of the prediction intervals; without the block there are none."""

    level: float = Field(0.9, ge=0.5, le=0.99, description="a share from 0.5 to 0.99", examples=["0.9"])
    draws: int = Field(50, ge=2, le=1000, description="a whole number from 2 to 1000", examples=["50"])
    stock_error: float = Field(
        0.05, ge=0, le=0.5, description="relative error from 0 to 0.5", examples=["0.05"]
    )
    driver_error: float = Field(0.1, ge=0, le=1, description="relative error from 0 to 1", examples=["0.1"])
    folds: int = Field(10, ge=2, le=100, description="a whole number from 2 to 100", examples=["10"])
    change_control: Literal["pixel", "false_discovery"] = Field(
        "pixel", description="pixel or false_discovery", examples=["false_discovery"]
    )
    seed: int = Field(0, ge=0, lt=2**31, description="a whole number from 0")


class RegionSettings(Settings):
    """All of `region.yaml`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$", description="at most 60 letters, digits, - and _"
    )
    title: str = ""
    synthetic: bool = False
    catalog: str | list[str] = Field("data_catalog.yaml", description="a path, or a list of paths")
    data_roots: list[str] = Field([], description="folders, relative to this file, that sources may lie in")
    sources: list[str] = Field(min_length=1, description="names of catalog entries", examples=["[dem, clay]"])
    area: Area = Field(description="`bounds:` or `polygons:` below it")
    grid: GridSettings = Field(description="`crs:` and `resolution:`, or `like:`, below it")
    years: YearRange = Field(description="FIRST-LAST, both included", examples=["1980-2000"])
    spinup_years: YearRange = Field(
        description="FIRST-LAST, before or up to the first year", examples=["1960-1979"]
    )
    sampling_month: int = Field(12, ge=1, le=12, description="a month from 1 to 12", examples=["12"])
    depth_cm: float = Field(
        20, gt=0, le=300, description="depth of the topsoil in cm, above 0 up to 300", examples=["20"]
    )
    covariates: list[str] = Field(schema.PAPER_COVARIATES, min_length=1, description="columns of the cube")
    units: Literal["kg/m2", "t/ha"] = Field("kg/m2", description="kg/m2 or t/ha", examples=["t/ha"])
    profile: Literal["own", "fao"] = Field("own", description="own or fao", examples=["fao"])
    fill: dict[str, Literal["climatology"]] = Field({}, description="source: climatology")
    min_coverage: Share = Field(1.0, description="a share from 0 to 1", examples=["0.95"])
    samples: Samples = Field(description="`file:` and `columns:` below it")
    rothc: RothC = RothC()
    hybrid: Hybrid = Hybrid()
    validation: Validation = Validation()
    intervals: Intervals | None = Field(None, description="options below it; leave it out for none")
