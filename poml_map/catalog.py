"""`data_catalog.yaml`: where each source lies, in which packing and unit, and what it is for.

The models hold what a user may write; `load_catalog` adds where it was written, so that every later message
can name file, line and entry. Nothing is opened here.
"""

from __future__ import annotations

import itertools
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from poml_map import schema
from poml_map.errors import InputError, Problem, Problems
from poml_map.units import conversion, parse_unit
from poml_map.yamlfile import Document, Settings, load_yaml, validate

Driver = Literal["raster", "netcdf", "zarr", "vector", "table", "constant"]
Role = Literal[
    "elevation", "slope", "spi", "clay", "bulk_density", "coarse_fragments", "covariate", "stock",
    "air_temperature", "precipitation", "pet", "pan_evaporation", "ndvi", "fertilizer", "mask", "zones",
]  # fmt: skip
Time = Literal["static", "annual", "monthly"]
Resampling = Literal["nearest", "bilinear", "average", "mode"]

#: Roles whose values come every month.
MONTHLY_ROLES = ("air_temperature", "precipitation", "pet", "pan_evaporation", "ndvi")
#: Roles that hold classes or polygons, not quantities.
CLASS_ROLES = ("mask", "zones")

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
    nodata: float | None = Field(None, description="the value that means: no data", examples=["-9999"])
    scale: float | None = Field(
        None, description="what the stored numbers are multiplied by", examples=["0.0001"]
    )
    offset: float | None = Field(None, description="what is added after scaling", examples=["-273.15"])
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
        return "annual" if self.role == "fertilizer" or "{year}" in self.uri else "static"

    @property
    def method(self) -> Resampling:
        """Resampling: as declared, else nearest for NDVI and classes, bilinear for the rest."""
        return self.resampling or ("nearest" if self.role in ("ndvi", "mask", "zones") else "bilinear")

    def unit_conversion(self) -> tuple[float, float]:
        """Factor and offset from the file's unit to the cube's; open-pan evaporation becomes PET here."""
        factor, offset = conversion(self.unit or self.cube_unit, self.cube_unit)
        return (factor * PAN_FACTOR, offset) if self.role == "pan_evaporation" else (factor, offset)


class Catalog(Settings):
    """The whole file."""

    version: Literal[1] = Field(1, description="1")
    root: str = Field(
        ".", description="folder that the uris start from, relative to this file", examples=["."]
    )
    sources: dict[str, Entry]


@dataclass(frozen=True)
class Source:
    """An entry and where it was written.

    Attributes
    ----------
    name : str
    entry : Entry
    file : str
        The catalog, as the user wrote it.
    line : int
    root : Path
        Folder that the uri starts from.
    allowed : tuple of Path
        Real folders that files may lie in.
    """

    name: str
    entry: Entry
    file: str
    line: int
    root: Path
    allowed: tuple[Path, ...]

    def problem(
        self, found: str, expected: str = "", mend: str = "", where: str = "", file: str = ""
    ) -> Problem:
        """A problem of this entry; with `file`, of one of its files."""
        place = f"entry '{self.name}'" + (f", {where}" if where else "")
        return Problem(file or self.file, place, found, expected, mend, None if file else self.line)

    def shown(self, variable: str = "", year: int | None = None, month: int | None = None) -> str:
        """The uri with its fields filled in, as the user would write it."""
        fields = {"variable": variable, "year": year, "month": f"{month:02d}" if month else ""}
        return self.entry.uri.format(**fields)

    def path(self, variable: str = "", year: int | None = None, month: int | None = None) -> Path:
        """The file of one variable, year and month (not opened, not checked)."""
        return self.root / self.shown(variable, year, month)

    def files(self, years) -> list[tuple[str, int | None, int | None]]:
        """Every (variable, year, month) of which the uri makes a file, for `years`."""
        fields = uri_fields(self.entry.uri)
        variables = self.entry.variables or [self.entry.variable or ""]
        return list(
            itertools.product(
                variables if "variable" in fields else [self.entry.variable or ""],
                years if "year" in fields else [None],
                range(1, 13) if "month" in fields else [None],
            )
        )


def uri_fields(uri: str) -> set[str]:
    """Names in braces of a uri.

    Examples
    --------
    >>> sorted(uri_fields("{variable}/ndvi_{year}.nc"))
    ['variable', 'year']
    """
    return {name for _, name, _, _ in string.Formatter().parse(uri) if name is not None}


def load_catalog(
    path: Path, shown: str, wanted: list[str], roots: tuple[Path, ...] = ()
) -> dict[str, Source]:
    """The entries of one catalog.

    Parameters
    ----------
    path : Path
    shown : str
        The path as the user wrote it.
    wanted : list of str
        Entries that are used; only these are checked beyond their form.
    roots : tuple of Path
        Folders, besides the catalog's own, that files may lie in.

    Returns
    -------
    dict of str -> Source
        All entries, in the order of the file.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    document = load_yaml(path, shown)
    catalog = validate(Catalog, document)
    folder = path.resolve().parent
    root = folder / catalog.root
    allowed = tuple(dict.fromkeys([folder, *(each.resolve() for each in roots)]))
    sources, problems = {}, Problems()
    for name, entry in catalog.sources.items():
        source = Source(name, entry, shown, document.lines[("sources", name)], root, allowed)
        sources[name] = source
        if name in wanted:
            problems.extend(_entry_problems(source, document))
    problems.raise_if_any()
    return sources


def _entry_problems(source: Source, document: Document) -> list[Problem]:
    entry, problems = source.entry, []

    def add(key: str, found: str, expected: str, mend: str = "") -> None:
        problems.append(document.problem(("sources", source.name, key), found, expected, mend))

    if entry.driver != "constant" and not entry.uri:
        add("uri", "nothing", "a path below the catalog's root", "For example `uri: dem.tif`.")
    problems += _uri_problems(source, document)
    if entry.role == "covariate" and not entry.column:
        add("column", "nothing", "a name for the covariate", "For example `column: TWI`.")
    if entry.role not in CLASS_ROLES:
        _unit_problems(entry, add)
    if entry.years and entry.years[0] > entry.years[1]:
        add("years", str(entry.years), "[FIRST, LAST] with FIRST <= LAST")
    if entry.variables and not entry.expression and len(entry.variables) > 1:
        add(
            "expression",
            "nothing",
            "how the variables become one",
            "For example `expression: (tmin + tmax) / 2`.",
        )
    if entry.role == "mask" and not entry.classes:
        add("classes", "nothing", "the classes that are mapped", "For example `classes: [1]`.")
    if entry.derive and entry.role != "elevation":
        add("derive", str(entry.derive), "only with role elevation")
    problems += _driver_problems(entry, add)
    return problems


def _unit_problems(entry: Entry, add) -> None:
    if entry.unit is None:
        add(
            "unit",
            "nothing",
            f"the unit of the values, such as {entry.cube_unit}",
            "Units are never guessed.",
        )
        return
    try:
        parse_unit(entry.unit)
        entry.unit_conversion()
    except ValueError as error:
        add("unit", repr(entry.unit), f"a unit that becomes {entry.cube_unit} ({error})")


def _driver_problems(entry: Entry, add) -> list[Problem]:
    if entry.driver == "constant":
        numbers = entry.value if isinstance(entry.value, list) else [entry.value]
        good = all(isinstance(number, (int, float)) for number in numbers) and len(numbers) in (1, 12)
        if not good:
            add("value", str(entry.value), "one number, or twelve for the months", "For example `value: 28`.")
        elif len(numbers) == 12 and entry.steps_in_time != "monthly":
            add("value", "twelve numbers", "one number: this role has no months")
    elif entry.driver == "table":
        needed = ["year", "value", *(["key"] if entry.zones else [])]
        for key in needed:
            if not isinstance(getattr(entry, key), str):
                add(
                    key,
                    str(getattr(entry, key)),
                    "the name of a column of the table",
                    f"For example `{key}: {key}`.",
                )
    elif entry.driver == "vector" and entry.role == "zones" and not entry.key:
        add("key", "nothing", "the column that names each zone", "For example `key: code`.")
    if entry.driver in ("netcdf", "zarr") and not (entry.variable or entry.variables):
        add("variable", "nothing", "the variable's name in the file", "For example `variable: ppt`.")
    return []


def _uri_problems(source: Source, document: Document) -> list[Problem]:
    entry, loc = source.entry, ("sources", source.name, "uri")
    try:
        unknown = uri_fields(entry.uri) - {"variable", "year", "month"}
    except ValueError:
        unknown = {"a brace that is not closed"}
    if unknown:
        mend = "Use {variable}, {year} and {month} only."
        return [document.problem(loc, ", ".join(sorted(unknown)), "known fields in braces", mend)]
    if "://" in entry.uri or entry.uri.startswith("/vsi"):
        mend = "Bring the file to a folder of yours first; `url:` may say where it comes from."
        return [document.problem(loc, repr(entry.uri), "a path of a local file", mend)]
    return []


def path_problem(source: Source, path: Path, shown: str) -> Problem | None:
    """What is wrong with a file of `source` before it is opened: outside the roots, missing, a folder, empty.

    Parameters
    ----------
    source : Source
    path : Path
    shown : str
        The path as the user wrote it.
    """
    real = path.resolve()
    if not any(real.is_relative_to(root) for root in source.allowed):
        roots = ", ".join(str(root) for root in source.allowed)
        mend = "Add the folder to `data_roots:` of the region file if it is meant."
        return source.problem(f"a path that leads to {real}", f"a file below {roots}", mend, file=shown)
    if source.entry.driver == "zarr":
        found = "" if real.is_dir() else "no such folder"
    elif not real.exists():
        found = "no such file"
    elif real.is_dir():
        found = "a folder"
    else:
        found = _unreadable(real)
    if not found:
        return None
    return source.problem(found, "a readable file", "Check `uri:` and `root:` of the entry.", file=shown)


def _unreadable(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return "" if stream.read(1) else "an empty file"
    except OSError as error:
        return f"a file that cannot be read ({error.strerror})"


def file_problems(source: Source, years) -> list[Problem]:
    """Problems of all files that the entry needs for `years`; none for a constant."""
    if source.entry.driver == "constant":
        return []
    found = []
    for variable, year, month in source.files(years):
        problem = path_problem(
            source, source.path(variable, year, month), source.shown(variable, year, month)
        )
        found += [problem] if problem else []
    return found


def require_files(source: Source, years) -> None:
    """Raise `InputError` with every problem that `file_problems` finds."""
    problems = file_problems(source, years)
    if problems:
        raise InputError(problems)
