"""A site file, read and checked as far as its text goes: the one file that says what RothC runs on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from poml_map import schema
from poml_map.errors import Problem, Problems
from poml_map.pipeline.site_settings import (
    Normals,
    SiteSettings,
    Start,
    WeatherColumns,
    WeatherUnits,
    month_text,
)
from poml_map.units import STOCK_UNIT, conversion, stock_factor
from poml_map.yamlfile import Document, load_yaml
from poml_map.yamlmodel import validate

#: Only such variables are looked up, so that a site file from elsewhere cannot ask for anything else.
_VARIABLE = re.compile(r"\$\{(POML_MAP_[A-Z0-9_]+)\}")

#: What a carbon input becomes inside the program.
INPUT_UNIT = f"{STOCK_UNIT}/month"

EVAPORATIONS = ("pet", "pan_evaporation")
#: The monthly series of `inputs:`.
INPUT_NAMES = ("plant", "manure", "dpm_rpm", "cover", "rate_factor")
Add = Callable[..., None]


@dataclass(frozen=True)
class Site:
    """A site file that passed its checks.

    Attributes
    ----------
    settings : SiteSettings
    file : str
        Path as the user wrote it.
    folder : Path
        Real folder of its tables.
    document : Document
        For messages with line numbers.
    """

    settings: SiteSettings
    file: str
    folder: Path
    document: Document

    def problem(self, loc: tuple, found: str, expected: str = "", mend: str = "") -> Problem:
        """A problem of the value at key path `loc` of the site file."""
        return self.document.problem(loc, found, expected, mend)

    def files(self) -> Iterator[tuple[tuple, str]]:
        """Key path and name of every table."""
        settings = self.settings
        yield ("weather", "file"), settings.weather.file
        if settings.weather.normals and settings.weather.normals.file:
            yield ("weather", "normals", "file"), settings.weather.normals.file
        if settings.inputs.file:
            yield ("inputs", "file"), settings.inputs.file
        if settings.observations:
            yield ("observations", "file"), settings.observations.file

    def normals_layout(self) -> tuple[WeatherColumns, WeatherUnits]:
        """Columns and units of the table of normals: its own, else those of the weather table."""
        weather = self.settings.weather
        own = weather.normals or Normals()
        return own.columns or weather.columns, own.units or weather.units


def load_site(path: str | Path) -> Site:
    """Read a site file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Site

    Raises
    ------
    InputError
        With every problem that its text shows, and those of the paths in it.
    """
    path = Path(path)
    document = load_yaml(path, str(path))
    settings = validate(SiteSettings, document)
    problems = Problems()

    def add(loc: tuple, found: str, expected: str = "", mend: str = "") -> None:
        problems.extend([document.problem(loc, found, expected, mend)])

    folder = _folder(path, settings.folder, add)
    site = Site(settings, str(path), folder, document)
    if len(problems) == 0:
        _check_files(site, add)
    for check in (_check_weather, _check_start, _check_months, _check_inputs, _check_observations):
        check(site, add)
    problems.raise_if_any()
    return site


def _folder(path: Path, written: str, add: Add) -> Path:
    """The folder of the tables; a variable may stand at its beginning and nowhere else."""
    match = _VARIABLE.match(written)
    rest = written[match.end() :] if match else written
    value = os.environ.get(match[1], "") if match else ""
    if match and not value:
        mend = f"Set it, for example `export {match[1]}=/path/to/folder`, or write the path."
        add(("folder",), f"the variable {match[1]}, which is not set", "a folder", mend)
        return path.resolve().parent
    if "$" in rest:
        mend = "Only ${POML_MAP_...} at the beginning stands for an environment variable."
        add(("folder",), repr(written), "a path", mend)
        return path.resolve().parent
    folder = path.resolve().parent / (value + rest)
    if not folder.is_dir():
        add(("folder",), f"no such folder: {written!r}", "the folder of the tables", "Check the path.")
    return folder.resolve()


def _check_files(site: Site, add: Add) -> None:
    for loc, name in site.files():
        try:
            inside = (site.folder / name).resolve().is_relative_to(site.folder)
        except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte
            inside = False
        if not inside:
            add(loc, repr(name), "a file below `folder:`", "Copy the file there, or change `folder:`.")


def _check_weather(site: Site, add: Add) -> None:
    weather, normals = site.settings.weather, site.settings.weather.normals
    _check_layout(("weather",), weather.columns, weather.units, add)
    if (weather.beyond == "normals") != (normals is not None):
        expected = "both `beyond: normals` and `normals:`, or neither"
        add(("weather", "beyond"), f"{weather.beyond} with{'' if normals else 'out'} `normals:`", expected)
    if normals is None:
        return
    loc = ("weather", "normals")
    if (normals.years is None) == (normals.file is None):
        add(loc, "both years and file" if normals.years else "neither years nor file", "one of them")
    if normals.columns or normals.units:
        if normals.file is None:
            add(loc, "columns or units without `file:`", "a file that has them")
        else:
            _check_layout(loc, *site.normals_layout(), add)


def _check_layout(loc: tuple, columns: WeatherColumns, units: WeatherUnits, add: Add) -> None:
    """One kind of evaporation, and units that can be converted."""
    named = [kind for kind in EVAPORATIONS if getattr(columns, kind) is not None]
    if len(named) != 1:
        found = "both pet and pan_evaporation" if named else "neither pet nor pan_evaporation"
        mend = "Of open-pan evaporation three quarters are taken, PET enters as it is."
        add((*loc, "columns"), found, "one of them", mend)
    for name in ("air_temp", "precip", *named):
        unit = getattr(units, name)
        if unit is None:
            add(
                (*loc, "units"),
                f"no unit for {name}",
                "the unit of that column",
                f"For example `{name}: mm/month`.",
            )
        else:
            _check_unit((*loc, "units", name), unit, cube_unit(name), add)


def cube_unit(name: str) -> str:
    """Unit inside the program of a weather variable; open-pan evaporation is a depth of water like PET.

    Examples
    --------
    >>> cube_unit("air_temp"), cube_unit("pan_evaporation")
    ('degC', 'mm/month')
    """
    return schema.COLUMNS["pet" if name == "pan_evaporation" else name].unit


def _check_unit(loc: tuple, unit: str, target: str, add: Add, mend: str = "") -> None:
    try:
        conversion(unit, target)
    except ValueError as error:
        add(loc, f"{unit!r}", f"a unit like {target!r}", mend or f"{str(error)[:1].upper()}{str(error)[1:]}.")


def _check_start(site: Site, add: Add) -> None:
    start = site.settings.start
    if (start.stock is None) == (start.pools is None):
        found = "both stock and pools" if start.pools else "neither stock nor pools"
        add(("start",), found, "one of them")
    most = schema.COLUMNS["STOCK"].high * stock_factor(start.unit)
    for loc, stock in _given_stocks(start):
        if stock > most:
            add(
                loc,
                f"{stock:g} {start.unit}",
                f"0 to {most:g} {start.unit}",
                "Check the value and `start.unit`.",
            )
    if start.stock is not None and start.spinup is None:
        add(("start",), "a stock without `spinup:`", "years that share it among the pools")
    if start.pools is not None:
        for name in ("spinup", "iom"):
            if getattr(start, name) is not None:
                add(("start", name), "this key beside `pools:`", "given pools alone", "Remove one of them.")
    elif start.deficit_mm is not None:
        mend = "Remove it: the deficit is that of the spin-up."
        add(("start", "deficit_mm"), "this key without `pools:`", "", mend)


def _given_stocks(start: Start) -> Iterator[tuple[tuple, float]]:
    """Key path and value of every number in the unit of the start."""
    for name in ("stock", "iom"):
        if getattr(start, name) is not None:
            yield ("start", name), getattr(start, name)
    if start.pools:
        yield from ((("start", "pools", name), value) for name, value in start.pools)


def _check_months(site: Site, add: Add) -> None:
    start, end = site.settings.start, site.settings.end
    if end <= start.month:
        add(("end",), month_text(end), f"a month after the start, {month_text(start.month)}")
    if start.spinup and 12 * (start.spinup.years[1] + 1) - 1 > start.month:
        last, spun = month_text(start.month), start.spinup.years[1]
        add(("start", "spinup", "years"), f"years until {spun}", f"years that end by the start, {last}")


def _check_inputs(site: Site, add: Add) -> None:
    inputs, spinup = site.settings.inputs, site.settings.start.spinup
    for name in ("plant", "manure"):
        _check_unit(
            ("inputs", "units", name), getattr(inputs.units, name), INPUT_UNIT, add, "For example t/ha/month."
        )
    for name in INPUT_NAMES:
        _check_range(("inputs", name), name, getattr(inputs, name), add)
    if spinup:
        for name in ("manure", "cover", "rate_factor", "plant_months"):
            _check_range(("start", "spinup", name), name, getattr(spinup, name), add)
        if sum(spinup.plant_months) <= 0:
            add(("start", "spinup", "plant_months"), "a sum of 0", "weights of which one is above 0")
    if inputs.file and not any(isinstance(getattr(inputs, name), str) for name in INPUT_NAMES):
        add(("inputs", "file"), "a file of which no column is used", "a column, such as `plant: c_input`")


def input_range(name: str) -> tuple[float, float, str]:
    """Lowest and highest value of a monthly input, and the range in words.

    Examples
    --------
    >>> input_range("cover")
    (0.0, 1.0, '0 to 1')
    """
    if name == "cover":
        return 0.0, 1.0, "0 to 1"
    if name == "dpm_rpm":
        return 1e-6, 1e6, "a number above 0"
    return 0.0, 1e6, "a number from 0"


def _check_range(loc: tuple, name: str, value, add: Add) -> None:
    low, high, words = input_range(name)
    for index, number in enumerate(value if isinstance(value, list) else [value]):
        if not isinstance(number, str) and not low <= number <= high:
            add((*loc, index) if isinstance(value, list) else loc, f"{number:g}", words)


def _check_observations(site: Site, add: Add) -> None:
    observed = site.settings.observations
    if observed is None:
        return
    loc = ("observations",)
    _check_unit((*loc, "unit"), observed.unit, STOCK_UNIT, add)
    if (observed.columns.date is None) == (observed.columns.year is None):
        found = "both date and year" if observed.columns.date else "neither date nor year"
        add((*loc, "columns"), found, "one of them")
    if observed.score_years:
        first, last = observed.score_years
        start, end = site.settings.start.month // 12, site.settings.end // 12
        if last < start or first > end:
            add((*loc, "score_years"), f"{first}-{last}", f"years of the run, {start}-{end}")
