"""What the text of a region file and its catalogs shows to be wrong, beyond the type of each key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyproj

from poml_map import schema
from poml_map.catalog import CLASS_ROLES, Source
from poml_map.crs import known_crs
from poml_map.errors import Problem, nearest
from poml_map.paths import is_local
from poml_map.region_checks_rothc import Add, rothc_problems
from poml_map.units import conversion
from poml_map.yamlmodel import number_mend

if TYPE_CHECKING:
    from poml_map.config import Region

#: What the sample table may hold -> the unit that Eq. 1 takes.
_SAMPLE_UNITS = {"soc": "g/kg", "bulk_density": "g/cm3", "coarse_fragments": "1", "stock": "kg/m2"}

# No grid cell is wider than this; a larger number is metres where degrees are due.
_WIDEST_CELL_DEGREES = 5.0


def region_problems(region: Region) -> list[Problem]:
    """All problems between the keys of a region file, and between it and the entries it names.

    Parameters
    ----------
    region : poml_map.config.Region
        Every name in its `sources` is known.
    """
    problems: list[Problem] = []

    def add(loc: tuple, found: str, expected: str = "", mend: str = "") -> None:
        problems.append(region.document.problem(loc, found, expected, mend))

    _check_area(region, add)
    _check_grid(region, add)
    _check_repeats(region, add)
    _check_columns(region, add)
    _check_zones(region, add)
    _check_years(region, add)
    rothc_problems(region, add)
    if region.settings.rothc.first_map != "ml":
        _check_reference(region, ("rothc", "first_map"), region.settings.rothc.first_map, ("stock",), add)
    _check_samples(region, add)
    _check_stock(region, add)
    for source in region.sources.values():
        if source.entry.crs is not None and _crs(source.entry.crs) is None:
            problems.append(source.problem(repr(source.entry.crs), "a known CRS", _CRS_MEND, where="crs"))
    return problems


_CRS_MEND = 'For example "EPSG:4326".'


def _crs(text: str) -> pyproj.CRS | None:
    try:
        return known_crs(text)
    except pyproj.exceptions.CRSError:
        return None


def _check_area(region: Region, add: Add) -> None:
    area = region.settings.area
    if (area.bounds is None) == (area.polygons is None):
        found = "both bounds and polygons" if area.bounds else "neither bounds nor polygons"
        add(("area",), found, "one of them")
    crs = _crs(area.crs)
    if crs is None:
        add(("area", "crs"), repr(area.crs), "a known CRS", _CRS_MEND)
    elif area.bounds:
        _check_bounds(area.bounds, crs, add)
    if area.where and area.polygons is None:
        add(("area", "where"), "a choice of polygons without `polygons:`", "both, or neither")
    _check_reference(region, ("area", "polygons"), area.polygons, ("zones",), add)
    _check_reference(region, ("area", "mask"), area.mask, ("mask",), add)


def _check_bounds(bounds: list[float], crs: pyproj.CRS, add: Add) -> None:
    left, bottom, right, top = bounds
    order = "Order: [xmin, ymin, xmax, ymax]."
    if not (left < right and bottom < top):
        add(("area", "bounds"), str(bounds), "xmin < xmax and ymin < ymax", order)
    elif not crs.is_geographic and -180 <= left < right <= 360 and -90 <= bottom < top <= 90:
        mend = 'These look like degrees: then write `crs: "EPSG:4326"` below `area:`.'
        add(("area", "bounds"), str(bounds), f"units of {crs.name}", mend)
    elif crs.is_geographic and not (bottom >= -90 and top <= 90 and left >= -180 and right <= 360):
        mend = f"{order} Longitude comes first: are they swapped?"
        add(("area", "bounds"), str(bounds), "degrees, latitudes from -90 to 90", mend)


def _check_grid(region: Region, add: Add) -> None:
    grid = region.settings.grid
    if grid.like is not None:
        if grid.crs or grid.resolution:
            add(("grid",), "`like` together with crs or resolution", "`like`, or crs and resolution")
        source = region.sources.get(grid.like)
        if source is None or source.entry.driver != "raster":
            add(("grid", "like"), repr(grid.like), "one of `sources` with driver raster")
    elif not (grid.crs and grid.resolution):
        missing = "crs" if grid.resolution else "resolution" if grid.crs else "crs, resolution"
        mend = 'For example `grid: {crs: "EPSG:32651", resolution: 250}`.'
        add(("grid",), f"no {missing}", "crs and resolution, or `like`", mend)
    elif (crs := _crs(grid.crs)) is None:
        add(("grid", "crs"), repr(grid.crs), "a known CRS", 'For example "EPSG:32651".')
    elif crs.is_geographic and grid.resolution > _WIDEST_CELL_DEGREES:
        mend = "Write degrees, or choose a CRS in metres."
        add(("grid", "resolution"), f"{grid.resolution:g} degrees", "units of the CRS", mend)


def _check_reference(region: Region, loc: tuple, name: str | None, roles: tuple, add: Add) -> None:
    if name is None:
        return
    source = region.sources.get(name)
    if source is None:
        mend = nearest(name, region.sources) or f"Add {name} to `sources:`."
        add(loc, repr(name), f"one of `sources` with role {' or '.join(roles)}", mend)
    elif source.entry.role not in roles:
        found = f"{name!r}, which has role {source.entry.role}"
        add(loc, found, f"one of `sources` with role {' or '.join(roles)}")


def _check_repeats(region: Region, add: Add) -> None:
    for key in ("sources", "covariates"):
        names = getattr(region.settings, key)
        for index, name in enumerate(names):
            if name in names[:index]:
                add((key, index), f"{name!r} twice", "each name once", "Remove one.")


def _check_columns(region: Region, add: Add) -> None:
    made: dict[str, str] = {}
    for source in region.sources.values():
        for column in _columns_of(source):
            if column in made:
                found = f"column {column} from '{made[column]}' and from '{source.name}'"
                add(("sources",), found, "one source for it", "Remove one of them, or its `derive:`.")
            made[column] = source.name
    lacking = [name for name in (*schema.MONTHLY, "CLAY") if region.column_source(name) is None]
    for column in lacking:
        found = f"no source for {schema.COLUMNS[column].long_name} ({column})"
        add(("sources",), found, "one: RothC needs it", "Add its catalog entry to `sources:`.")
    _check_covariates(region, lacking, add)


def _check_covariates(region: Region, lacking: list[str], add: Add) -> None:
    columns = [column for source in region.sources.values() for column in _columns_of(source)]
    annual = {name: driver for name, (driver, *_) in schema.ANNUAL_FROM_MONTHLY.items()}
    usable = [
        name for name in [*columns, *annual] if name not in schema.MONTHLY and region.column_source(name)
    ]
    expected = "a static or annual column of the sources"
    for index, column in enumerate(region.settings.covariates):
        loc = ("covariates", index) if "covariates" in region.document.data else ("covariates",)
        if column in schema.MONTHLY:
            made = [name for name, driver in annual.items() if driver == column]
            add(loc, f"{column}, which has months", expected, f"Write {', '.join(made)}.")
        elif region.column_source(column) is None and annual.get(column, column) not in lacking:
            mend = nearest(column, usable) or "Add a source that makes it to `sources:`, or remove it."
            add(loc, f"{column}, which no source makes", expected, mend)


def _columns_of(source: Source) -> list[str]:
    if source.entry.role in CLASS_ROLES or source.entry.cube_column is None:
        return []
    return [source.entry.cube_column, *source.entry.derive]


def _check_zones(region: Region, add: Add) -> None:
    for index, name in enumerate(region.settings.sources):
        zones = region.sources[name].entry.zones
        if zones is not None and (zones not in region.sources or region.sources[zones].entry.role != "zones"):
            found = f"'{name}', whose `zones:` is {zones!r}"
            add(
                ("sources", index),
                found,
                "an entry of `sources` with role zones",
                f"Add {zones} to `sources:`.",
            )


def _check_years(region: Region, add: Add) -> None:
    settings = region.settings
    if settings.spinup_years[1] > settings.years[0]:
        found, expected = f"an end in {settings.spinup_years[1]}", f"an end not after {settings.years[0]}"
        add(("spinup_years",), found, expected, "The spin-up comes before the mapped years.")
    for name in settings.fill:
        if name not in region.sources:
            mend = nearest(name, region.sources)
            add(("fill", name), repr(name), "one of the `sources`", mend)
    for source in region.sources.values():
        if source.entry.years and source.entry.steps_in_time != "static":
            _check_covered(region, source, add)


def _check_covered(region: Region, source: Source, add: Add) -> None:
    name, (first, last) = source.name, source.entry.years
    loc = ("sources", region.settings.sources.index(name))
    covered = f"'{name}', which covers {first}-{last}"
    lacking = [year for year in region.years if not first <= year <= last]
    if lacking and name not in region.settings.fill:
        mend = f"State `fill: {{{name}: climatology}}`, or choose other years."
        if lacking[-1] > last:
            mend = f"End `years:` in {last} at the latest. (`fill:` would put the mean of its first five years there.)"
        add(loc, covered, f"every year of {region.years[0]}-{region.years[-1]}", mend)
    # NDVI has no years before the satellites: its first years stand for the spin-up.
    if source.entry.steps_in_time == "monthly" and source.entry.role != "ndvi":
        spinup = region.spinup_years
        if not (first <= spinup[0] and spinup[-1] <= last):
            mend = "Choose spin-up years that it covers."
            add(("spinup_years",), covered, f"every year of {spinup[0]}-{spinup[-1]}", mend)


def _check_samples(region: Region, add: Add) -> None:
    samples, columns = region.settings.samples, region.settings.samples.columns
    if not is_local(samples.file):
        mend = "Bring the file to a folder of yours."
        add(("samples", "file"), repr(samples.file), "the path of a local file", mend)
    if _crs(samples.crs) is None:
        add(("samples", "crs"), repr(samples.crs), "a known CRS", _CRS_MEND)
    if (columns.x is None) != (columns.y is None):
        found = "x without y" if columns.y is None else "y without x"
        add(("samples", "columns"), found, "both, or neither for a vector file")
    if (columns.year is None) == (samples.year is None):
        found = "neither columns.year nor year" if samples.year is None else "both columns.year and year"
        add(("samples",), found, "the column, or one year for all samples")
    elif samples.year is not None and samples.year not in region.years:
        mapped = f"a year of {region.years[0]}-{region.years[-1]}"
        add(("samples", "year"), str(samples.year), mapped, "Widen `years:` or correct it.")
    for name, target in _SAMPLE_UNITS.items():
        if getattr(columns, name) is not None:
            _check_sample_unit(name, getattr(samples.units, name), target, add)


def _check_sample_unit(name: str, unit: str | None, target: str, add: Add) -> None:
    loc = ("samples", "units", name)
    if unit is None:
        add(loc, "nothing", f"the unit of column {name}", f"For example `units: {{{name}: {target}}}`.")
        return
    try:
        conversion(unit, target)
    except ValueError as error:
        add(loc, repr(unit), f"a unit that becomes {target}", f"{str(error)[0].upper()}{str(error)[1:]}.")


def _check_stock(region: Region, add: Add) -> None:
    samples, columns = region.settings.samples, region.settings.samples.columns
    if (columns.soc is None) == (columns.stock is None):
        found = "neither soc nor stock" if columns.soc is None else "both soc and stock"
        add(("samples", "columns"), found, "one of them")
    if columns.soc is None:
        return
    for name, column in (("bulk_density", "BD"), ("coarse_fragments", "CF")):
        given, of_table = getattr(samples, name), getattr(columns, name)
        if (of_table is None) == (given is None):
            found = (
                f"neither `{name}:` nor a column of it" if given is None else f"`{name}:` and a column of it"
            )
            mend = f"For example `{name}: {column}`, from the cube." if given is None else "Remove one."
            add(("samples", name), found, "one of them: Eq. 1 needs it", mend)
        elif given is not None:
            _check_given(region, name, given, schema.COLUMNS[column], add)


def _check_given(region: Region, name: str, given: str | float, column: schema.Column, add: Add) -> None:
    if isinstance(given, str):
        if region.column_source(given) is None:
            mend = number_mend(given) or f"Add a source that makes {given} to `sources:`."
            add(("samples", name), repr(given), "a number, or a column that one of the sources makes", mend)
    elif not (math.isfinite(given) and column.low <= given <= column.high):
        unit = "" if column.unit == "1" else f" {column.unit}"
        add(("samples", name), f"{given:g}", f"{column.low:g} to {column.high:g}{unit}", "Check the unit.")
