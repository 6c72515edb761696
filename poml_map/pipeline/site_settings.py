"""All keys of a site file: types, ranges, defaults and the words that explain them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from poml_map.catalog_entry import TableDialect
from poml_map.settings import YearRange
from poml_map.yamlmodel import Settings


def _month_number(value) -> int:
    match = re.fullmatch(r"\s*(\d{4})-(\d{1,2})\s*", value) if isinstance(value, str) else None
    if not match or not 1 <= int(match[2]) <= 12:
        raise ValueError("YEAR-MONTH, such as 1959-12")
    return month_number(int(match[1]), int(match[2]))


def month_number(year, month):
    """Months since January of year 0, for one date or arrays of them.

    Examples
    --------
    >>> month_number(1959, 12)
    23519
    """
    return year * 12 + month - 1


def month_text(number: int) -> str:
    """A month number as people write it.

    Examples
    --------
    >>> month_text(23519)
    '1959-12'
    """
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


Month = Annotated[int, BeforeValidator(_month_number)]
Twelve = Annotated[list[float], Field(min_length=12, max_length=12)]
#: The same in every month, twelve numbers January to December, or a column with one value a month.
Monthly = float | Twelve | str
#: The same without a table to read from.
Yearly = float | Twelve
StockUnit = Literal["kg/m2", "t/ha"]

_MONTHLY = "a number, twelve numbers (January to December), or the name of a column"
_YEARLY = "a number, or twelve numbers (January to December)"


class WeatherColumns(Settings):
    """Which column of a weather table is what."""

    year: str = Field("year", description="column with the year")
    month: str = Field("month", description="column with the month, 1 to 12")
    air_temp: str = Field(description="column with the month's mean air temperature", examples=["tmp"])
    precip: str = Field(description="column with the month's precipitation", examples=["rain"])
    pet: str | None = Field(None, description="column with potential evapotranspiration", examples=["pet"])
    pan_evaporation: str | None = Field(
        None, description="column with open-pan evaporation", examples=["pan"]
    )


class WeatherUnits(Settings):
    """Units of the columns of a weather table."""

    air_temp: str = Field(description="unit of the temperature", examples=["degC"])
    precip: str = Field(description="unit of the precipitation", examples=["mm/month"])
    pet: str | None = Field(None, description="unit of the evapotranspiration", examples=["mm/month"])
    pan_evaporation: str | None = Field(
        None, description="unit of the open-pan evaporation", examples=["mm/month"]
    )


class Table(Settings):
    """A text table, or some rows of one."""

    file: str = Field(description="a CSV file below `folder:`", examples=["weather.csv"])
    table: TableDialect = TableDialect()
    where: dict[str, list[str]] = Field({}, description="column: [values of the rows that are used]")


class Normals(Settings):
    """Twelve mean months: of some years of the weather table, or a table of their own."""

    years: YearRange | None = Field(
        None, description="FIRST-LAST, years of the weather file", examples=["1978-2007"]
    )
    file: str | None = Field(
        None, description="a CSV file with a row for each of the twelve months", examples=["normals.csv"]
    )
    columns: WeatherColumns | None = None
    units: WeatherUnits | None = None


class Weather(Table):
    """The weather of the spin-up years and of every month of the run."""

    columns: WeatherColumns = Field(description="`air_temp:`, `precip:` and `pet:` or `pan_evaporation:`")
    units: WeatherUnits = Field(description="the units of these columns")
    beyond: Literal["refuse", "normals"] = Field("refuse", description="refuse or normals")
    normals: Normals | None = None


class Soil(Settings):
    """The soil layer."""

    clay_percent: float = Field(ge=0, le=100, description="clay in percent, 0 to 100", examples=["25"])
    depth_cm: float = Field(ge=1, le=300, description="depth of the layer in cm, 1 to 300", examples=["23"])


class Pools(Settings):
    """Given starting pools, in the unit of the start."""

    DPM: float = Field(ge=0, description="a number from 0")
    RPM: float = Field(ge=0, description="a number from 0")
    BIO: float = Field(ge=0, description="a number from 0")
    HUM: float = Field(ge=0, description="a number from 0")
    IOM: float = Field(ge=0, description="a number from 0")


class Spinup(Settings):
    """What the soil had long before the start."""

    years: YearRange = Field(
        description="FIRST-LAST, years of the weather file before the start", examples=["1939-1958"]
    )
    weather: Literal["mean_months", "real_years"] = Field(
        "mean_months", description="mean_months or real_years"
    )
    cover: Yearly = Field(description=_YEARLY + ", 1 covered, 0 bare")
    plant_months: Twelve = Field([1.0] * 12, description="twelve weights, January to December")
    dpm_rpm: float = Field(description="DPM/RPM ratio of the plant input, above 0", gt=0, examples=["1.44"])
    manure: Yearly = Field(0.0, description=_YEARLY)
    rate_factor: Yearly = Field(1.0, description=_YEARLY)


class Start(Settings):
    """The state that the run begins with, at the end of a month."""

    month: Month = Field(description="YEAR-MONTH, such as 1959-12", examples=["1959-12"])
    unit: StockUnit = Field(description="kg/m2 or t/ha", examples=["t/ha"])
    stock: float | None = Field(None, gt=0, description="a number above 0", examples=["63.0"])
    iom: float | None = Field(None, ge=0, description="inert carbon, a number from 0")
    rule: Literal["equilibrium", "weihermueller"] = Field(
        "equilibrium", description="equilibrium or weihermueller"
    )
    pools: Pools | None = None
    deficit_mm: float | None = Field(None, le=0, description="a water deficit in mm, 0 or below")
    spinup: Spinup | None = None


class InputUnits(Settings):
    """Units of the carbon inputs."""

    plant: str = Field("t/ha/month", description="unit of the plant carbon", examples=["t/ha/month"])
    manure: str = Field("t/ha/month", description="unit of the manure carbon", examples=["t/ha/month"])


class Inputs(Settings):
    """What is done to the soil in each month of the run."""

    file: str | None = Field(
        None, description="a CSV file with the columns named here", examples=["inputs.csv"]
    )
    year: str = Field("year", description="column with the year")
    month: str = Field("month", description="column with the month, 1 to 12")
    table: TableDialect = TableDialect()
    where: dict[str, list[str]] = Field({}, description="column: [values of the rows that are used]")
    units: InputUnits = InputUnits()
    plant: Monthly = Field(description=_MONTHLY, examples=["0"])
    manure: Monthly = Field(0.0, description=_MONTHLY)
    dpm_rpm: Monthly = Field(1.44, description=_MONTHLY + ", above 0")
    cover: Monthly = Field(description=_MONTHLY + ", 1 covered, 0 bare", examples=["1"])
    rate_factor: Monthly = Field(1.0, description=_MONTHLY)


class Microbes(Settings):
    """The microbial factor; 1 and 0 are plain RothC."""

    mu_max: float = Field(1.0, ge=0, description="a number from 0")
    k_m: float = Field(0.0, ge=0, description="a number from 0, in kg/m2")


class ObservationColumns(Settings):
    """Which column of the observations is what."""

    value: str = Field(description="column with the stock", examples=["soc_t_ha"])
    date: str | None = Field(None, description="column with dates such as 1963-07-19", examples=["date"])
    year: str | None = Field(None, description="column with the year", examples=["year"])
    average: list[str] = Field([], description="columns that tell apart the plots that are averaged")


class Observations(Table):
    """Measured stocks."""

    columns: ObservationColumns = Field(description="`value:` and `date:` or `year:`")
    unit: str = Field(description="unit of the stocks", examples=["t/ha"])
    month: int = Field(12, ge=1, le=12, description="month of observations that have a year only, 1 to 12")
    score_years: YearRange | None = Field(
        None, description="FIRST-LAST, both included", examples=["1963-2008"]
    )


class SiteSettings(Settings):
    """All of a site file."""

    title: str = Field(min_length=1, description="what stands above the figure")
    synthetic: bool = False
    assumed: list[str] = Field([], description="what nobody measured, in words")
    folder: str = Field(".", description="the folder of the tables")
    units: StockUnit = Field("t/ha", description="kg/m2 or t/ha")
    weather: Weather = Field(description="`file:`, `columns:` and `units:` below it")
    soil: Soil = Field(description="`clay_percent:` and `depth_cm:` below it")
    start: Start = Field(description="`month:`, `unit:` and `stock:` or `pools:` below it")
    end: Month = Field(description="the last month, YEAR-MONTH", examples=["2014-12"])
    inputs: Inputs = Field(description="`plant:` and `cover:` below it")
    rothc: Microbes = Microbes()
    observations: Observations | None = None
