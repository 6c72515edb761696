"""One source of the catalog as a user may write it: every key, its type, and what follows from the role."""

from __future__ import annotations

import string
from typing import Annotated, Literal

from pydantic import Field

from poml_map import schema
from poml_map.catalog_fetch import Fetch
from poml_map.units import conversion, yearly_conversion
from poml_map.yamlmodel import Settings

Driver = Literal["raster", "netcdf", "zarr", "vector", "table", "constant"]
Role = Literal[
    "elevation", "slope", "spi", "clay", "bulk_density", "coarse_fragments", "covariate", "stock",
    "air_temperature", "precipitation", "pet", "pan_evaporation", "ndvi", "fertilizer", "npp", "manure", "dpm_rpm",
    "land_use", "mask", "zones",
]  # fmt: skip
Time = Literal["static", "annual", "monthly"]
Resampling = Literal["nearest", "bilinear", "average", "mode"]

#: Roles whose values come every month.
MONTHLY_ROLES = ("air_temperature", "precipitation", "pet", "pan_evaporation", "ndvi")
#: Roles that hold classes or polygons, not quantities, and fill no column.
CLASS_ROLES = ("mask", "zones")
#: Roles of which one map counts for every year, unless `years:` or the uri tell of several.
YEARLY_OR_STATIC_ROLES = ("npp", "manure")
#: Resampling that makes no new class out of two.
CLASS_METHODS = ("nearest", "mode")

#: What {fortnight} stands for in the names of files: the first and the second half of a month.
FORTNIGHTS = ("01", "02")

# Official RothC: three quarters of open-pan evaporation is what soil and plants lose (see docs/equations.md).
PAN_FACTOR = 0.75


class TableDialect(Settings):
    """How a text table is written."""

    separator: str = Field(",", description="one character", examples=['";"'], min_length=1, max_length=1)
    decimal: Literal[".", ","] = Field(".", description='"." or ","')
    missing: list[str] = Field(["", "NA"], description="texts that mean: no value", examples=['["", "NA"]'])


class Entry(Settings):
    """One source of the catalog, as written."""

    driver: Driver
    role: Role
    uri: str = Field("", description="a path below the catalog's root", examples=["dem.tif"])
    unit: str | None = Field(None, description="the unit of the values in the file", examples=["g/kg"])
    column: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$",
        description="a name of letters, digits and _",
        examples=["TWI"],
    )
    long_name: str | None = None
    time: Time | None = None
    years: list[int] | None = Field(
        None, min_length=2, max_length=2, description="[FIRST, LAST]", examples=["[1982, 2000]"]
    )
    variable: str | None = Field(None, description="name of the variable in the file", examples=["ppt"])
    variables: list[str] = Field([], description="names for {variable}", examples=["[tmin, tmax]"])
    expression: str | None = Field(
        None, description="arithmetic of the variables", examples=["(tmin + tmax) / 2"]
    )
    crs: str | None = Field(None, description="a CRS in quotes", examples=['"EPSG:4326"'])
    in_month: Literal["mean", "max"] | None = Field(
        None, description="mean or max: what becomes of several maps of one month", examples=["max"]
    )
    nodata: Annotated[float, Field(allow_inf_nan=True)] | list[float] | None = Field(
        None, description="the value that means: no data", examples=["-9999"]
    )
    scale: float | None = Field(
        None, description="the number that stored values are multiplied by", examples=["0.0001"]
    )
    offset: float | None = Field(
        None, description="the number that is added after scaling", examples=["-273.15"]
    )
    resampling: Resampling | None = None
    band: int | None = Field(None, ge=1, description="number of the band, from 1", examples=["1"])
    derive: list[Literal["SLP", "SPI"]] = Field([], description="terrain made from the elevation: SLP, SPI")
    valid_range: list[float] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="[LOWEST, HIGHEST] in the cube's unit",
        examples=["[0, 100]"],
    )
    classes: list[int] = Field([], description="classes of the mask that are mapped", examples=["[1]"])
    zones: str | None = Field(None, description="name of the entry with the polygons", examples=["counties"])
    key: str | None = Field(None, description="column that names the zone", examples=["code"])
    name: str | None = Field(None, description="column with the zone's name", examples=["name"])
    year: str | None = Field(None, description="column of the year", examples=["year"])
    value: str | float | list[float] | None = Field(
        None, description="a column of the table; for a constant: one number, or twelve for the months"
    )
    table: TableDialect = TableDialect()
    layer: str | None = Field(None, description="layer of a vector file")
    stand_in: bool = Field(False, description="true if this replaces a layer that is not at hand")
    licence: str | None = None
    source: str | None = None
    url: str | None = None
    steps: str | None = None
    access: Literal["open", "account", "request", "manual"] | None = Field(
        None, description="open, account, request or manual: how the source is got"
    )
    fetch: Fetch | None = Field(None, description="`url:` and more below it, for `poml-map fetch`")
    structure: Literal["tried", "documented"] | None = None

    @property
    def cube_column(self) -> str | None:
        """Name in the cube: `column`, or that of the role; None for masks and zones."""
        return self.column or schema.ROLE_COLUMN.get(self.role)

    @property
    def cube_unit(self) -> str:
        """Unit in the cube: that of the known column, else the entry's own."""
        known = schema.COLUMNS.get(self.cube_column or "")
        return known.unit if known else (self.unit or "1")

    @property
    def cube_long_name(self) -> str:
        """What the values are, for axes and tables."""
        known = schema.COLUMNS.get(self.cube_column or "")
        return self.long_name or (known.long_name if known else self.cube_column or self.role)

    @property
    def physical_range(self) -> tuple[float, float]:
        """Lowest and highest value that can be true, in the cube's unit."""
        if self.valid_range:
            return self.valid_range[0], self.valid_range[1]
        known = schema.COLUMNS.get(self.cube_column or "")
        return (known.low, known.high) if known else (-1e30, 1e30)

    @property
    def steps_in_time(self) -> Time:
        """Static, annual or monthly: as declared, else by the role."""
        if self.time:
            return self.time
        if self.role in MONTHLY_ROLES:
            return "monthly"
        several = self.role in YEARLY_OR_STATIC_ROLES and self.years is not None
        annual = self.role == "fertilizer" or self.driver == "table" or "{year}" in self.uri or several
        return "annual" if annual else "static"

    @property
    def method(self) -> Resampling:
        """Resampling: as declared, else nearest for NDVI and classes, bilinear for the rest."""
        own_cells = ("ndvi", "land_use", *CLASS_ROLES)
        return self.resampling or ("nearest" if self.role in own_cells else "bilinear")

    @property
    def nodata_codes(self) -> tuple[float, ...]:
        """Every declared value that means: no data."""
        if self.nodata is None:
            return ()
        return tuple(self.nodata) if isinstance(self.nodata, list) else (self.nodata,)

    def unit_conversion(self) -> tuple[float, float]:
        """Factor and offset from the file's unit to the cube's; open-pan evaporation becomes PET here."""
        convert = yearly_conversion if self.cube_unit.endswith("/year") else conversion
        factor, offset = convert(self.unit or self.cube_unit, self.cube_unit)
        return (factor * PAN_FACTOR, offset) if self.role == "pan_evaporation" else (factor, offset)


def uri_fields(uri: str) -> set[str]:
    """Names in braces of a uri.

    Examples
    --------
    >>> sorted(uri_fields("{variable}/ndvi_{year}.nc"))
    ['variable', 'year']
    """
    return {name for _, name, _, _ in string.Formatter().parse(uri) if name is not None}


def file_months(fields: set[str]) -> list[int | None]:
    """First month of each of a year's files, by the fields of their uri; None where a file is not of some months.

    Examples
    --------
    >>> file_months({"year", "half"}), file_months({"year"})
    ([1, 7], [None])
    """
    return [1, 7] if "half" in fields else list(range(1, 13)) if "month" in fields else [None]
