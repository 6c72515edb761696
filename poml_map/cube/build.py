"""From a region file to layers: headers are opened and checked, no pixel is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from poml_map import schema
from poml_map.catalog import Source, file_problems, uri_fields
from poml_map.config import Region
from poml_map.cube.area import Area, lattice, open_area, region_grid
from poml_map.cube.arrayfile import ArrayFiles
from poml_map.cube.combined import Combined
from poml_map.cube.layers import ConstantField, GridField, Layer, MaskLayer, YearlyLayer, ZoneField
from poml_map.cube.positions import extent_text, moved
from poml_map.cube.raster import RasterFiles
from poml_map.cube.resample import subdivisions
from poml_map.cube.series import Series
from poml_map.cube.terrain import Terrain, TerrainReader, terrain_source
from poml_map.cube.timeplan import TimePlan, fill_note, make_plan, wanted_years
from poml_map.cube.zones import Zones, open_zones
from poml_map.cube.zonetable import check_base_year, open_table, yearly_values
from poml_map.errors import InputError, Problems
from poml_map.grid import Grid

# A window of one map that is larger than this does not belong to a region that fits a machine. [bytes]
_LARGEST_MAP = 4 * 2**30


@dataclass
class Opened:
    """All that `open_layers` found out.

    Attributes
    ----------
    grid : Grid
    area : Area
    layers : dict of str -> Layer or YearlyLayer
    mask : MaskLayer
    zones : dict of str -> Zones
        By catalog entry.
    fills : list of dict
    coverage : dict of str -> float
        Share of the area that each gridded or zoned source reaches.
    share : float
        Share of the grid's pixels inside the area, estimated.
    """

    grid: Grid
    area: Area
    layers: dict
    mask: MaskLayer
    zones: dict[str, Zones]
    fills: list[dict]
    coverage: dict[str, float]
    share: float


class Builder:
    """Opens the sources of one region and collects what is wrong with them.

    Parameters
    ----------
    region : Region
    """

    def __init__(self, region: Region):
        self.region, self.problems = region, Problems()
        self.area = open_area(region)
        self.grid = region_grid(region, self.area)
        self.points, self.share = lattice(self.grid, self.area)
        self.near = self._longitude()
        self.layers: dict = {}
        self.zones: dict[str, Zones] = {}
        self.fills: list[dict] = []
        self.coverage: dict[str, float] = {}

    def _longitude(self) -> float:
        xmin, ymin, xmax, ymax = self.grid.bounds
        x, _ = moved([(xmin + xmax) / 2], [(ymin + ymax) / 2], self.grid.crs, "EPSG:4326")
        return float(x[0]) if np.isfinite(x[0]) else 0.0

    def build(self) -> Opened:
        """Open everything.

        Raises
        ------
        InputError
            With the problems of all sources.
        """
        if not len(self.points):
            found = "no pixel centre inside the area"
            problem = self.region.document.problem(("area",), found, "pixels", "Check bounds and resolution.")
            raise InputError(problem)
        mask = MaskLayer(self.area)
        zones_first = sorted(self.region.sources.values(), key=lambda source: source.entry.role != "zones")
        for source in zones_first:
            try:
                if source.entry.role == "zones":
                    self.zones[source.name] = open_zones(source)
                elif source.entry.role == "mask":
                    mask = self._mask(source) if source.name == self.region.settings.area.mask else mask
                else:
                    self._column(source)
            except InputError as error:
                self.problems.collect(error)
        self.problems.raise_if_any()
        self._yearly()
        return Opened(
            self.grid, self.area, self.layers, mask, self.zones, self.fills, self.coverage, self.share
        )

    def _mask(self, source: Source) -> MaskLayer:
        field, _ = self._gridded(source)
        return MaskLayer(self.area, field, tuple(source.entry.classes))

    def _column(self, source: Source) -> None:
        entry, column = source.entry, source.entry.cube_column
        known = schema.COLUMNS.get(column)
        if known and known.time == "static" and entry.steps_in_time != "static":
            found = f"time {entry.steps_in_time} of {column}"
            raise InputError(source.problem(found, "time: static", "Take one year out as a file of its own."))
        if not known and entry.steps_in_time == "monthly":
            mend = "Make seasons or a yearly mean of it first."
            raise InputError(source.problem(f"a monthly source of {column}", "static or annual", mend))
        if entry.driver == "table":
            self._table(source)
        elif entry.driver == "constant":
            plan = self._plan(source, None)
            numbers = entry.value if isinstance(entry.value, list) else [entry.value]
            field = ConstantField(source, tuple(float(number) for number in numbers))
            self._check_constant(source, field, plan)
            self._add(source, field, plan)
        elif entry.driver == "vector":
            mend = "Burn the polygons to a raster first."
            raise InputError(source.problem(f"driver vector with role {entry.role}", "role zones", mend))
        else:
            field, plan = self._gridded(source)
            self._add(source, field, plan)
            self._terrain(source, field)

    def _check_constant(self, source: Source, field: ConstantField, plan: TimePlan) -> None:
        low, high = source.entry.physical_range
        for step in plan.unique:
            if not low <= field.value(step) <= high:
                unit = source.entry.cube_unit
                found = f"{field.value(step):g} {unit}"
                raise InputError(
                    source.problem(found, f"{low:g} to {high:g} {unit}", "Check `unit:`.", "value")
                )

    def _plan(self, source: Source, frames) -> TimePlan:
        found = Problems()
        plan = make_plan(source, self.region, frames, found)
        found.raise_if_any()
        note = fill_note(source, plan)
        self.fills += [note] if note else []
        return plan

    def _add(self, source: Source, field, plan: TimePlan) -> None:
        entry, column = source.entry, source.entry.cube_column
        known = schema.COLUMNS.get(column)
        time = known.time if known else entry.steps_in_time
        about = (column, entry.cube_unit, entry.cube_long_name, time)
        self.layers[column] = Layer(*about, source, field, plan, self.grid.resolution, self.grid.crs)

    def _gridded(self, source: Source) -> tuple[GridField, TimePlan]:
        years = wanted_years(source, self.region)
        missing = file_problems(source, years)
        if missing:
            raise InputError(missing)
        reader = self._reader(source, years)
        plan = self._plan(source, reader.frames)
        self._check_cover(source, reader.grid.covers(self.points), reader.grid.describe)
        window = reader.grid.window(self.grid)
        if window is None or 8 * window.shape[0] * window.shape[1] > _LARGEST_MAP:
            size = "nothing" if window is None else f"{window.shape[1]} x {window.shape[0]} cells"
            mend = "Cut or coarsen the file first."
            raise InputError(
                source.problem(f"{size} under the area", f"at most {_LARGEST_MAP // 2**30} GiB", mend)
            )
        side = subdivisions(reader.grid, self.grid) if source.entry.method in ("average", "mode") else 1
        return GridField(Series(source, reader, list(plan.unique), window), source.entry.method, side), plan

    def _reader(self, source: Source, years: list[int]):
        entry = source.entry
        if (
            entry.steps_in_time != "static"
            and not uri_fields(entry.uri) & {"year"}
            and entry.driver == "raster"
        ):
            if entry.years is None:
                mend = "Declare `years: [FIRST, LAST]`."
                raise InputError(source.problem("no years", "the years of the file's bands", mend))
            years = list(range(entry.years[0], entry.years[1] + 1))
        kind = RasterFiles if entry.driver == "raster" else ArrayFiles
        variables = entry.variables or [entry.variable or ""]
        readers = {name: kind(source, years, self.near, name) for name in variables}
        return Combined(source, readers) if entry.expression else next(iter(readers.values()))

    def _terrain(self, source: Source, field: GridField) -> None:
        if not source.entry.derive:
            return
        terrain = Terrain(field.series)
        for column in source.entry.derive:
            made = terrain_source(source, column)
            series = Series(made, TerrainReader(terrain, column), field.series.steps, field.series.area)
            self._add(
                made, GridField(series, field.method, field.side), self.layers[source.entry.cube_column].plan
            )

    def _table(self, source: Source) -> None:
        entry, region = source.entry, self.region
        if entry.steps_in_time != "annual":
            raise InputError(source.problem(f"a {entry.steps_in_time} table", "an annual one"))
        zones = self.zones.get(entry.zones) if entry.zones else None
        if entry.zones and entry.zones not in region.sources:
            mend = f"Add `{entry.zones}` to `sources:` of {region.file}."
            raise InputError(source.problem(f"zones '{entry.zones}'", "one of the region's sources", mend))
        if entry.zones and zones is None:
            return  # the polygons' own problems are noted already
        table, found = open_table(source, zones), Problems()
        touched = np.ones(1, bool) if zones is None else self._touched(zones)
        fill = source.name in region.settings.fill
        values, filled = yearly_values(source, table, region.years, touched, fill, found)
        if region.settings.rothc.input_driver == entry.cube_column:
            check_base_year(source, table, values, touched, region.years[0], found)
        found.raise_if_any()
        if zones is not None:
            self._check_cover(
                source, zones.codes(self.points) >= 0, lambda: f"the polygons of '{entry.zones}'"
            )
        if filled:
            rule = "mean of each zone's first five years with a value"
            column = entry.cube_column
            self.fills.append({"source": source.name, "column": column, "years": filled, "rule": rule})
        plan = TimePlan({year: ((year,), None) for year in region.years}, tuple(filled))
        self._add(source, ZoneField(zones, values, region.years), plan)

    def _touched(self, zones: Zones) -> np.ndarray:
        """Zones of which at least a quarter of a pixel lies in the area."""
        area = self.area
        if area.zones is not None:
            shapes = area.zones.polygons
        else:
            shapes = np.array(
                [shapely.segmentize(shapely.box(*area.bounds), (area.bounds[2] - area.bounds[0]) / 50)]
            )
        shapes = shapely.transform(shapes, lambda xy: np.column_stack(moved(*xy.T, area.crs, zones.crs)))
        whole = shapely.union_all(shapely.make_valid(shapes))
        pixel = whole.area / (self.grid.width * self.grid.height)
        parts = shapely.intersection(shapely.make_valid(zones.polygons), whole)
        return shapely.area(parts) > 0.25 * pixel

    def _check_cover(self, source: Source, covered: np.ndarray, describe) -> None:
        share = float(covered.mean())
        self.coverage[source.name] = share
        if share < self.region.settings.min_coverage:
            found = f"{share:.1%} of the area covered ({describe()})"
            expected = f"at least {self.region.settings.min_coverage:.1%} ({self._extent()})"
            mend = "Bring a source that covers the area, or lower `min_coverage:` to map the covered part."
            raise InputError(source.problem(found, expected, mend))

    def _extent(self) -> str:
        return extent_text(*self.points.coordinates("EPSG:4326"))

    def _yearly(self) -> None:
        for column, (driver, months, how) in schema.ANNUAL_FROM_MONTHLY.items():
            if driver in self.layers and column not in self.layers:
                known = schema.COLUMNS[column]
                base = self.layers[driver]
                self.layers[column] = YearlyLayer(column, known.unit, known.long_name, base, months, how)
