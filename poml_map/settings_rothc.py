"""All keys below `rothc:` of `region.yaml`: types, ranges, defaults and the words that explain them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from poml_map.yamlmodel import Settings

#: The word for an input that is the same every year.
CONSTANT = "constant"

Ndvi = Annotated[float, Field(ge=-1, le=1)]
Weights = Annotated[list[float], Field(min_length=12, max_length=12)]
Month = Annotated[int, Field(ge=1, le=12)]
Ratio = Annotated[float, Field(gt=0)]
# A rice field slows decay; ten times the decay of the same soil under crops is a percentage written as a number.
Factors = Annotated[list[Annotated[float, Field(ge=0, le=10)]], Field(min_length=12, max_length=12)]


def _form(value) -> str:
    """Which of the ways to state an option was taken: only that one is complained about, and written down again."""
    forms = {dict: "by class", Settings: "by class", list: "by month", str: "by name"}
    return next((form for kind, form in forms.items() if isinstance(value, kind)), "by number")


class RatioByClass(Settings):
    """A DPM/RPM ratio for each class of a column.

    Attributes
    ----------
    column : str
    values : dict of str -> float
        By class, as written.
    """

    column: str = Field(description="a static column of classes", examples=["LAND_USE"])
    values: dict[str, Ratio] = Field(
        min_length=1, description="class: ratio, for every class", examples=["{1: 1.44, 2: 0.67}"]
    )

    @property
    def by_class(self) -> dict[int, float]:
        """Ratio of each class."""
        return {int(name): ratio for name, ratio in self.values.items()}


class FactorsByClass(Settings):
    """Twelve rate factors, or the name of a preset, for some classes of a column; other classes have 1.

    Attributes
    ----------
    column : str
    values : dict of str -> str or list of 12 float
        By class, as written.
    """

    column: str = Field(description="a static column of classes", examples=["LAND_USE"])
    values: dict[
        str,
        Annotated[Annotated[Factors, Tag("by month")] | Annotated[str, Tag("by name")], Discriminator(_form)],
    ] = Field(
        min_length=1,
        description="class: twelve factors from 0 to 10 or the name of a preset",
        examples=["{1: paddy_all_year}"],
    )

    @property
    def by_class(self) -> dict[int, str | tuple[float, ...]]:
        """Preset's name or twelve factors of each class."""
        return {int(name): _hashable(factors) for name, factors in self.values.items()}


class Crop(Settings):
    """One crop of the year: from sowing to harvest, across the turn of the year where that comes first."""

    sow: Month = Field(description="month of sowing, 1 to 12", examples=["11"])
    harvest: Month = Field(description="month of harvest, 1 to 12", examples=["5"])
    weight: float = Field(
        1.0, gt=0, description="its part of the year's input, relative to other crops, above 0"
    )
    at_harvest: float = Field(
        0.5, ge=0, le=1, description="share of its input that comes in the month of harvest, 0 to 1"
    )


class RothC(Settings):
    """Options of the process model."""

    spinup: Literal["mean_months", "real_years"] = Field(
        "mean_months", description="mean_months or real_years", examples=["real_years"]
    )
    cover: Literal["threshold", "fraction"] = Field("threshold", description="threshold or fraction")
    cover_ndvi: Ndvi = Field(0.4, description="NDVI from which soil counts as covered, -1 to 1")
    cover_ndvi_range: list[Ndvi] = Field(
        [0.1, 0.7],
        min_length=2,
        max_length=2,
        description="[NDVI of bare soil, NDVI of full cover], each from -1 to 1",
        examples=["[0.1, 0.7]"],
    )
    input_driver: str = Field(
        "FER", description="the column that drives the carbon input, or constant", examples=["NPP"]
    )
    input_months: Annotated[
        Annotated[Weights, Tag("by month")] | Annotated[Literal["ndvi", "crop_calendar"], Tag("by name")],
        Discriminator(_form),
    ] = Field(
        [1.0] * 12, description="twelve weights, January to December, not negative; or ndvi; or crop_calendar"
    )
    crop_calendar: list[Crop] = Field(
        [], min_length=1, description="a list of crops", examples=["[{sow: 11, harvest: 5}]"]
    )
    dpm_rpm: Annotated[
        Annotated[Ratio, Tag("by number")]
        | Annotated[str, Tag("by name")]
        | Annotated[RatioByClass, Tag("by class")],
        Discriminator(_form),
    ] = Field(
        1.44,
        description="DPM/RPM ratio of the plant input, above 0; or a column of ratios; or `column:` and `values:`",
        examples=["1.44"],
    )
    rate_factor: (
        Annotated[
            Annotated[Factors, Tag("by month")]
            | Annotated[str, Tag("by name")]
            | Annotated[FactorsByClass, Tag("by class")],
            Discriminator(_form),
        ]
        | None
    ) = Field(
        None,
        description="twelve factors from 0 to 10, January to December; or the name of a preset; or `column:` and "
        "`values:`",
        examples=["paddy_all_year"],
    )
    manure: str | None = Field(
        None, description="the column with the carbon of manure, kg/m2/year", examples=["MANURE"]
    )
    manure_months: Weights = Field(
        [1.0] * 12,
        description="twelve weights, January to December, not negative",
        examples=["[0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]"],
    )
    pools: Literal["equilibrium", "weihermueller"] = Field(
        "equilibrium", description="equilibrium or weihermueller"
    )
    groups: str | None = Field(None, description="a static column of classes", examples=["LAND_USE"])
    mu_max: float | None = Field(None, gt=0, description="a number above 0; then k_m is needed too")
    k_m: float | None = Field(None, ge=0, description="a number from 0, kg/m2; then mu_max is needed too")
    expected_change: float | None = Field(
        None,
        gt=-0.9,
        lt=5,
        description="relative change from the first to the last year, above -0.9 and below 5",
        examples=["0.10"],
    )
    first_map: str = Field("ml", description="ml, or the name of a source with role stock")
    map_outputs: list[Literal["pools", "co2"]] = Field(
        [], description="a list of pools, co2", examples=["[pools, co2]"]
    )

    @property
    def input_column(self) -> str | None:
        """The column that the input of a year follows; None when it is the same every year by declaration."""
        return None if self.input_driver == CONSTANT else self.input_driver

    @property
    def crops(self) -> list[tuple[int, int, float, float]]:
        """Sowing month, harvest month, weight and share at harvest of each crop."""
        return [(crop.sow, crop.harvest, crop.weight, crop.at_harvest) for crop in self.crop_calendar]

    @property
    def dpm_rpm_column(self) -> str | None:
        """The column of DPM/RPM ratios, or of the classes that have one; None for one number."""
        return _column(self.dpm_rpm)

    @property
    def rate_factor_column(self) -> str | None:
        """The column of the classes that have a rate factor; None where all pixels have the same."""
        return _column(self.rate_factor) if isinstance(self.rate_factor, FactorsByClass) else None

    def class_columns(self) -> dict[str, str]:
        """Key of this section -> the column whose values it takes for classes."""
        found = {
            "dpm_rpm": self.dpm_rpm_column if isinstance(self.dpm_rpm, RatioByClass) else None,
            "rate_factor": self.rate_factor_column,
            "groups": self.groups,
        }
        return {key: column for key, column in found.items() if column is not None}

    def columns(self) -> tuple[str, ...]:
        """Columns of the cube that these options make RothC read, besides clay and the monthly drivers.

        Examples
        --------
        >>> RothC().columns()
        ('FER',)
        >>> RothC(input_driver="constant", manure="MANURE", groups="LAND_USE").columns()
        ('MANURE', 'LAND_USE')
        """
        named = (
            self.input_column, self.dpm_rpm_column, self.rate_factor_column, self.manure, self.groups,
        )  # fmt: skip
        return tuple(dict.fromkeys(name for name in named if name is not None))


def _column(option) -> str | None:
    if isinstance(option, RatioByClass | FactorsByClass):
        return option.column
    return option if isinstance(option, str) else None


def _hashable(factors: str | list[float]) -> str | tuple[float, ...]:
    return factors if isinstance(factors, str) else tuple(factors)
