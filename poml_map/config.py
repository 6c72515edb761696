"""`region.yaml`: the one file that says what is mapped, from what, and how.

`load_region` reads it together with the catalogs it names and checks all that text alone can show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from poml_map import schema
from poml_map.catalog import CLASS_ROLES, Resampling, Source, TableDialect, load_catalog
from poml_map.errors import InputError, Problems
from poml_map.units import conversion
from poml_map.yamlfile import Document, Settings, load_yaml, validate

__all__ = ["Region", "RegionSettings", "Resampling", "load_region"]


def _year_range(value) -> list[int]:
    match = re.fullmatch(r"\s*(\d{4})\s*-\s*(\d{4})\s*", value) if isinstance(value, str) else None
    if not match:
        raise ValueError("FIRST-LAST, both included, such as 1980-2000")
    first, last = (int(text) for text in match.groups())
    if first > last:
        raise ValueError("FIRST-LAST with FIRST not after LAST, such as 1980-2000")
    return [first, last]


YearRange = Annotated[list[int], BeforeValidator(_year_range)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


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
        None, gt=0, description="pixel size in units of the CRS", examples=["250"]
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


class RothC(Settings):
    """Options of the process model."""

    cover_ndvi: float = Field(0.4, ge=-1, le=1, description="NDVI from which soil counts as covered, -1 to 1")
    input_driver: str = Field("FER", description="the annual column that drives the carbon input")
    input_months: list[float] = Field(
        [1.0] * 12,
        min_length=12,
        max_length=12,
        description="twelve weights, January to December, not negative",
    )
    dpm_rpm: float = Field(
        1.44, gt=0, description="DPM/RPM ratio of the plant input, above 0", examples=["1.44"]
    )
    pools: Literal["equilibrium", "weihermueller"] = Field(
        "equilibrium", description="equilibrium or weihermueller"
    )
    mu_max: float | None = Field(None, gt=0, description="a number above 0; then k_m is needed too")
    k_m: float | None = Field(None, ge=0, description="a number from 0, kg/m2; then mu_max is needed too")
    expected_change: float | None = Field(
        None, gt=-0.9, lt=5, description="relative change from the first to the last year", examples=["0.10"]
    )
    first_map: str = Field("ml", description="ml, or the name of a source with role stock")


class Hybrid(Settings):
    """Options of the forest."""

    w_p: Share = Field(0.5, description="a number from 0 to 1", examples=["0.5"])
    n_trees: int = Field(200, ge=1, le=5000, description="a whole number from 1 to 5000", examples=["200"])
    max_features: Literal["sqrt", "log2", "all"] = Field("sqrt", description="sqrt, log2 or all")
    min_samples_leaf: int = Field(1, ge=1, description="a whole number from 1")
    seed: int = Field(0, ge=0, lt=2**31, description="a whole number from 0")


class Validation(Settings):
    """Options of the cross-validation."""

    folds: int = Field(5, ge=2, description="a whole number from 2 to the number of sites", examples=["5"])
    seed: int = Field(0, ge=0, lt=2**31, description="a whole number from 0")


class RegionSettings(Settings):
    """All of `region.yaml`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="letters, digits, - and _")
    title: str = ""
    synthetic: bool = False
    catalog: str | list[str] = Field("data_catalog.yaml", description="a path, or a list of paths")
    data_roots: list[str] = Field([], description="folders, relative to this file, that sources may lie in")
    sources: list[str] = Field(min_length=1, description="names of catalog entries", examples=["[dem, clay]"])
    area: Area
    grid: GridSettings
    years: YearRange = Field(description="FIRST-LAST, both included", examples=["1980-2000"])
    spinup_years: YearRange = Field(
        description="FIRST-LAST, before or up to the first year", examples=["1960-1979"]
    )
    sampling_month: int = Field(12, ge=1, le=12, description="a month from 1 to 12", examples=["12"])
    depth_cm: float = Field(20, gt=0, le=300, description="depth of the topsoil in cm", examples=["20"])
    covariates: list[str] = Field(schema.PAPER_COVARIATES, min_length=1, description="columns of the cube")
    units: Literal["kg/m2", "t/ha"] = Field("kg/m2", description="kg/m2 or t/ha", examples=["t/ha"])
    fill: dict[str, Literal["climatology"]] = Field({}, description="source: climatology")
    min_coverage: Share = Field(1.0, description="a share from 0 to 1", examples=["0.95"])
    samples: Samples
    rothc: RothC = RothC()
    hybrid: Hybrid = Hybrid()
    validation: Validation = Validation()


@dataclass(frozen=True)
class Region:
    """A region file that passed its checks.

    Attributes
    ----------
    settings : RegionSettings
    file : str
        Path as the user wrote it.
    folder : Path
        Where it lies; its relative paths start here.
    sources : dict of str -> Source
        The catalog entries it uses.
    document : Document
        For messages with line numbers.
    catalog_files : tuple of Path
    """

    settings: RegionSettings
    file: str
    folder: Path
    sources: dict[str, Source]
    document: Document
    catalog_files: tuple[Path, ...]

    @property
    def years(self) -> range:
        """The mapped years."""
        first, last = self.settings.years
        return range(first, last + 1)

    @property
    def spinup_years(self) -> range:
        """The years whose mean months spin the model up."""
        first, last = self.settings.spinup_years
        return range(first, last + 1)

    @property
    def samples_path(self) -> Path:
        """The sample file."""
        return self.folder / self.settings.samples.file

    def with_role(self, *roles: str) -> list[Source]:
        """Sources of one of these roles."""
        return [source for source in self.sources.values() if source.entry.role in roles]

    def column_source(self, column: str) -> Source | None:
        """The source that fills a cube column, directly or as what it is made from."""
        driver = schema.ANNUAL_FROM_MONTHLY.get(column, (column,))[0]
        for source in self.sources.values():
            if source.entry.cube_column in (column, driver) or column in source.entry.derive:
                return source
        return None

    @property
    def stand_ins(self) -> list[str]:
        """Columns of sources that are declared stand-ins."""
        used = (source.entry for source in self.sources.values())
        return [entry.cube_column or entry.role for entry in used if entry.stand_in]


def load_region(path: str | Path) -> Region:
    """Read `region.yaml` and its catalogs.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Region

    Raises
    ------
    InputError
        With every problem that the text of these files shows.
    """
    path = Path(path)
    document = load_yaml(path, str(path))
    settings = validate(RegionSettings, document)
    folder = path.resolve().parent
    problems = Problems()
    sources, files = _load_catalogs(settings, folder, document, problems)
    region = Region(settings, str(path), folder, sources, document, files)
    _check(region, problems)
    problems.raise_if_any()
    return region


def _load_catalogs(settings, folder: Path, document: Document, problems: Problems):
    names = [settings.catalog] if isinstance(settings.catalog, str) else settings.catalog
    roots = tuple(folder / each for each in [".", *settings.data_roots])
    found: dict[str, Source] = {}
    for name in names:
        try:
            found |= load_catalog(folder / name, name, settings.sources, roots)
        except InputError as error:
            problems.collect(error)
    problems.raise_if_any()
    for index, name in enumerate(settings.sources):
        if name not in found:
            known = ", ".join(found)
            problems.extend(
                [document.problem(("sources", index), repr(name), f"an entry of the catalog: {known}")]
            )
    used = {name: found[name] for name in settings.sources if name in found}
    return used, tuple(folder / name for name in names)


def _check(region: Region, problems: Problems) -> None:
    settings, document = region.settings, region.document

    def add(loc: tuple, found: str, expected: str, mend: str = "") -> None:
        problems.extend([document.problem(loc, found, expected, mend)])

    _check_area(region, add)
    _check_columns(region, add)
    _check_rothc(settings, add)
    _check_samples(region, add)
    if settings.spinup_years[1] > settings.years[0]:
        add(("spinup_years",), str(settings.spinup_years[1]), f"an end not after {settings.years[0]}")
    for name in settings.fill:
        if name not in region.sources:
            add(("fill", name), repr(name), f"one of the sources: {', '.join(region.sources)}")


def _check_area(region: Region, add) -> None:
    area, grid = region.settings.area, region.settings.grid
    if (area.bounds is None) == (area.polygons is None):
        add(("area",), "both or neither of bounds and polygons", "one of them")
    if area.bounds and not (area.bounds[0] < area.bounds[2] and area.bounds[1] < area.bounds[3]):
        add(
            ("area", "bounds"),
            str(area.bounds),
            "xmin < xmax and ymin < ymax",
            "Order: [xmin, ymin, xmax, ymax].",
        )
    _check_reference(region, ("area", "polygons"), area.polygons, ("zones",), add)
    _check_reference(region, ("area", "mask"), area.mask, ("mask",), add)
    if grid.like is not None and (grid.crs or grid.resolution):
        add(("grid",), "`like` together with crs or resolution", "`like`, or crs and resolution")
    elif grid.like is None and not (grid.crs and grid.resolution):
        add(
            ("grid",),
            "an incomplete grid",
            "crs and resolution, or `like`",
            'For example `crs: "EPSG:32651"`.',
        )
    if grid.like is not None:
        source = region.sources.get(grid.like)
        if source is None or source.entry.driver != "raster":
            add(("grid", "like"), repr(grid.like), "a source with driver raster")


def _check_reference(region: Region, loc: tuple, name: str | None, roles: tuple, add) -> None:
    if name is None:
        return
    source = region.sources.get(name)
    if source is None or source.entry.role not in roles:
        add(loc, repr(name), f"one of `sources` with role {' or '.join(roles)}")


def _check_columns(region: Region, add) -> None:
    settings = region.settings
    made: dict[str, str] = {}
    for source in region.sources.values():
        columns = [source.entry.cube_column, *source.entry.derive]
        for column in (c for c in columns if c and source.entry.role not in CLASS_ROLES):
            if column in made:
                add(
                    ("sources",),
                    f"column {column} from '{made[column]}' and '{source.name}'",
                    "one source for it",
                )
            made[column] = source.name
    for index, column in enumerate(settings.covariates):
        if region.column_source(column) is None or column in schema.MONTHLY:
            mend = "Add a source to `sources:` that makes it, or remove it from `covariates:`."
            add(("covariates", index), f"{column}, which no source makes", "columns of the sources", mend)
    for column in ("air_temp", "precip", "pet", "ndvi", "CLAY", settings.rothc.input_driver):
        if region.column_source(column) is None:
            loc = ("rothc", "input_driver") if column == settings.rothc.input_driver else ("sources",)
            add(
                loc,
                f"no source for {column}",
                "a source: RothC needs it",
                "Add its catalog entry to `sources:`.",
            )


def _check_rothc(settings: RegionSettings, add) -> None:
    rothc = settings.rothc
    if (rothc.mu_max is None) != (rothc.k_m is None):
        add(("rothc",), "one of mu_max and k_m", "both or neither")
    if rothc.mu_max is not None and rothc.expected_change is not None:
        add(("rothc", "expected_change"), str(rothc.expected_change), "not together with mu_max and k_m")
    if min(rothc.input_months) < 0 or sum(rothc.input_months) <= 0:
        add(("rothc", "input_months"), str(rothc.input_months), "weights from 0 that are not all 0")


def _check_samples(region: Region, add) -> None:
    samples = region.settings.samples
    columns = samples.columns
    if (columns.soc is None) == (columns.stock is None):
        add(("samples", "columns"), "both or neither of soc and stock", "one of them")
    if (columns.year is None) == (samples.year is None):
        add(
            ("samples",),
            "both or neither of columns.year and year",
            "the column, or one year for all samples",
        )
    targets = {"soc": "g/kg", "bulk_density": "g/cm3", "coarse_fragments": "1", "stock": "kg/m2"}
    for name, target in targets.items():
        if getattr(columns, name) is None:
            continue
        unit = getattr(samples.units, name)
        if unit is None:
            add(("samples", "units"), f"no unit for {name}", "its unit", f"For example `{name}: {target}`.")
            continue
        try:
            conversion(unit, target)
        except ValueError as error:
            add(("samples", "units", name), repr(unit), f"a unit that becomes {target} ({error})")
    if columns.soc is not None:
        for name in ("bulk_density", "coarse_fragments"):
            given = getattr(samples, name)
            if (getattr(columns, name) is None) == (given is None):
                add(("samples", name), "both or neither", f"a column of the table, or `{name}:` here")
            elif isinstance(given, str) and region.column_source(given) is None:
                add(("samples", name), repr(given), "a column that one of the sources makes")
