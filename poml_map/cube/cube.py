"""The cube: every column of a region on one grid, as a lazy Dataset, in tiles or at sites."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.cube.build import Opened
from poml_map.cube.frames import year_list
from poml_map.cube.layers import ConstantField, GridField, Layer, YearlyLayer
from poml_map.cube.lazy import lazy_dataset, with_crs
from poml_map.cube.positions import Points
from poml_map.cube.series import Series
from poml_map.cube.timeplan import is_climate, month_starts
from poml_map.grid import Tile

_MONTHS = range(1, 13)
# Sites are read block by block, so that the window read for them never spans the region. [pixels]
_SITE_BLOCK = 256


class Cube:
    """Layers of one region; made by `open_layers`.

    Safe for threads, and small when pickled: files are opened for each read, and what is kept in memory
    (climate, small rasters, terrain, blocks of large rasters: at most 128 MiB a source, terrain aside) stays behind.

    Attributes
    ----------
    region : Region
    grid : Grid
    columns : list of str
        Every variable of the Dataset but the mask.
    fills : list of dict
        ``source``, ``column``, ``years``, ``rule`` of filled run years.
    coverage : dict of str -> float
        Share of the area that each source reaches.
    """

    def __init__(self, region: Region, opened: Opened):
        self.region, self.grid = region, opened.grid
        self.fills, self.coverage = opened.fills, opened.coverage
        self.layers: dict[str, Layer | YearlyLayer] = opened.layers
        self._opened = opened

    @property
    def columns(self) -> list[str]:
        """Every variable of the Dataset but the mask, in the order of the schema."""
        order = {name: index for index, name in enumerate(schema.COLUMNS)}
        names = sorted(self.layers, key=lambda name: order.get(name, len(order)))
        return names + [schema.spinup_name(name) for name in schema.MONTHLY if name in self.layers]

    @property
    def times(self) -> list[tuple[int, int]]:
        """Year and month of the Dataset's time axis: spin-up years and run years, in order."""
        years = sorted({*self.region.spinup_years, *self.region.years})
        return [(year, month) for year in years for month in _MONTHS]

    @property
    def mask_info(self) -> dict:
        """What the mask is made of: ``area`` (bounds or polygons), ``source`` and ``classes``."""
        area = self.region.settings.area
        return {
            "area": list(area.bounds) if area.bounds else area.polygons,
            "source": area.mask,
            "classes": list(self._opened.mask.classes),
        }

    @property
    def spinup_dim(self) -> str:
        """Dimension of the months that spin the process model up: ``month`` of a mean year, or ``spinup_time``."""
        return "spinup_time" if self.region.settings.rothc.spinup == "real_years" else "month"

    @property
    def spinup_coords(self) -> dict:
        """Coordinate of that dimension: 1-12, or the first days of the months of the spin-up years."""
        of_years = [(year, month) for year in self.region.spinup_years for month in _MONTHS]
        real = self.spinup_dim == "spinup_time"
        return {self.spinup_dim: month_starts(of_years) if real else list(_MONTHS)}

    @property
    def spinup_means(self) -> dict[str, str]:
        """What the spin-up months of each monthly driver are made of; NDVI has other years than the climate."""
        return {name: self._spun_up_by(self.layers[name]) for name in schema.MONTHLY if name in self.layers}

    def _spun_up_by(self, layer: Layer) -> str:
        years, wanted = year_list(layer.plan.spinup_years), self.region.spinup_years
        if isinstance(layer.field, ConstantField):
            return "constant"
        if self.spinup_dim == "month":
            return f"mean of {years}"
        if is_climate(layer.source):
            return f"real months of {years}"
        return f"mean of {years} in each of {year_list(wanted)}"

    @property
    def pixels_in_area(self) -> int:
        """Estimate of the pixels inside the area, whatever the mask source says."""
        return round(self._opened.share * self.grid.width * self.grid.height)

    def dataset(self, chunk: int = 256) -> xr.Dataset:
        """Every variable, lazy, in chunks of `chunk` x `chunk` pixels."""
        return lazy_dataset(self, chunk)

    def mask(self, tile: Tile | None = None) -> np.ndarray:
        """Which pixels are mapped, boolean, shape of the tile (default: of the grid)."""
        tile = tile or self._whole()
        return self.mask_at(Points.of_tile(self.grid, tile)).reshape(tile.shape)

    def mask_at(self, points: Points) -> np.ndarray:
        """Which pixels are mapped, shape (n,)."""
        return self._opened.mask.values(points)

    def read_tile(self, tile: Tile, *, mapped_only: bool = False) -> xr.Dataset:
        """What the models need of one tile, in memory.

        Parameters
        ----------
        tile : Tile
        mapped_only : bool
            Leave out every pixel outside the mask: all variables but the mask are over ``pixel`` instead of (y, x),
            the mapped pixels row by row. A tile without one then holds the mask alone.

        Returns
        -------
        xarray.Dataset
            mask (y, x); static (y, x) and annual (year, y, x) covariates, clay and what the options of RothC
            name; monthly drivers of the run years (time, y, x) and the months of their spin-up (month, y, x) or
            (spinup_time, y, x). float32, NaN where missing.

        Raises
        ------
        InputError
            If a file is damaged or a value impossible.
        """
        points = Points.of_tile(self.grid, tile)
        wanted = self.mask_at(points)
        data = {"mask": (("y", "x"), wanted.reshape(tile.shape))}
        columns = self._model_columns() if wanted.any() or not mapped_only else []
        if mapped_only and columns:
            points = points.chosen(wanted)
        for name, (dims, values) in self._values(points, columns).items() if columns else ():
            if mapped_only:
                data[name] = ((*dims, "pixel"), values)
            else:
                data[name] = ((*dims, "y", "x"), values.reshape(*values.shape[: len(dims)], *tile.shape))
        coords = self._time_coords() | {"y": self.grid.y[tile.rows], "x": self.grid.x[tile.cols]}
        return self.described(xr.Dataset(data, coords=coords))

    def at_points(self, x, y) -> xr.Dataset:
        """Values of the pixels that hold the points.

        Parameters
        ----------
        x, y : array_like, shape (n,)
            In the CRS of the grid.

        Returns
        -------
        xarray.Dataset
            The variables of `read_tile` over ``site``, and bulk density and coarse fragments where the region
            has them; without a first map of stocks, as sites start from their own. NaN outside the grid.
            Coordinate ``in_mask`` (site,) says which pixels are mapped.
        """
        row, col, inside = self.grid.index(x, y)
        optional = [name for name in ("BD", "CF") if name in self.layers]
        columns = [*self._site_columns(), *optional]
        blocks = np.where(
            inside, (row // _SITE_BLOCK) * (self.grid.width // _SITE_BLOCK + 1) + col // _SITE_BLOCK, -1
        )
        in_mask, data = np.zeros(len(row), bool), {}

        def read(block: int):
            members = np.flatnonzero(blocks == block)
            points = Points.of_pixels(self.grid, row[members], col[members])
            return members, self.mask_at(points), self._values(points, columns)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for members, mapped, found in pool.map(read, np.unique(blocks[inside])):
                in_mask[members] = mapped
                for name, (dims, values) in found.items():
                    if name not in data:
                        nowhere = np.full((*values.shape[:-1], len(row)), np.nan, "float32")
                        data[name] = ((*dims, "site"), nowhere)
                    data[name][1][..., members] = values
        coords = self._time_coords() | {"in_mask": ("site", in_mask)}
        return self.described(xr.Dataset(data or self._empty(columns, len(row)), coords=coords))

    @property
    def most_kept(self) -> int:
        """What stays in the memory of a process that reads tiles, at most; terrain aside. [bytes]"""
        return sum(series.most_kept for series in self._series())

    def forget(self) -> None:
        """Let go of what was read from files; it is read again when it is asked for."""
        for series in self._series():
            series.forget()

    def _series(self) -> Iterator[Series]:
        """All that is read from grids, each once."""
        layers = (*self.layers.values(), self._opened.mask)
        fields = (layer.field for layer in layers if isinstance(getattr(layer, "field", None), GridField))
        yield from {id(field.series): field.series for field in fields}.values()

    def outlines(self) -> list[np.ndarray]:
        """Outlines of the zones for pictures: arrays of shape (k, 2) in the grid's CRS, finer than a pixel."""
        tolerance = min(self.grid.resolution) / 4
        return [
            ring for zones in self._opened.zones.values() for ring in zones.outlines(self.grid.crs, tolerance)
        ]

    def zone_names(self, source: str | None = None) -> tuple[str, ...]:
        """Names of the zones, in the order of their codes; of the first zones source by default."""
        zones = self._zones(source)
        return zones.names if zones else ()

    def zone_keys(self, source: str | None = None) -> tuple[str, ...]:
        """Keys of the zones, which are all different, in the order of their codes."""
        zones = self._zones(source)
        return zones.keys if zones else ()

    def zone_shapes(self, source: str | None = None) -> gpd.GeoDataFrame:
        """Polygons of the zones in the grid's CRS, with ``zone`` (key) and ``name``; no row where there are none."""
        zones = self._zones(source)
        if zones is None:
            return gpd.GeoDataFrame({"zone": [], "name": []}, geometry=[], crs=self.grid.crs)
        return zones.shapes(self.grid.crs)

    def zone_codes(self, tile: Tile | None = None, source: str | None = None) -> np.ndarray:
        """Position in `zone_names` of each pixel's zone, int32, shape of the tile; -1 outside all zones."""
        tile, zones = tile or self._whole(), self._zones(source)
        if zones is None:
            return np.full(tile.shape, -1, np.int32)
        return zones.codes(Points.of_tile(self.grid, tile)).reshape(tile.shape)

    def zone_codes_at(self, x, y, source: str | None = None) -> np.ndarray:
        """Position in `zone_names` of the zone of each place (x, y) in the grid's CRS, int32; -1 outside all zones."""
        zones = self._zones(source)
        if zones is None:
            return np.full(len(x), -1, np.int32)
        return zones.codes(Points(x, y, self.grid.resolution, self.grid.crs))

    def _zones(self, source: str | None):
        zones = self._opened.zones
        return zones[source] if source else next(iter(zones.values()), None)

    def _whole(self) -> Tile:
        return Tile(0, self.grid.height, 0, self.grid.width)

    def _site_columns(self) -> list[str]:
        """Columns that the forest or the process model reads at a site."""
        settings = self.region.settings
        columns = [*settings.covariates, *settings.rothc.columns(), "CLAY", *schema.MONTHLY]
        return list(dict.fromkeys(columns))

    def _model_columns(self) -> list[str]:
        """Those, and the map of stocks from which the process model starts at pixels, if the region names one."""
        first_map = self.region.sources.get(self.region.settings.rothc.first_map)
        stock = [first_map.entry.cube_column] if first_map is not None else []
        return list(dict.fromkeys([*self._site_columns(), *stock]))

    def _values(self, points: Points, columns: list[str]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Leading dimensions and values, shape (..., n), of each column at `points`."""
        years, run = list(self.region.years), self._run_months()
        found, monthly = {}, {}
        for name in (name for name in schema.MONTHLY if name in self.layers):
            values = self.layers[name].values(points, [*run, *self.layers[name].plan.spinup])
            monthly[name] = values[: len(run)]
            if name in columns:
                found[name] = (("time",), monthly[name])
                found[schema.spinup_name(name)] = ((self.spinup_dim,), values[len(run) :])
        for name in (name for name in columns if name not in schema.MONTHLY):
            layer = self.layers[name]
            if isinstance(layer, YearlyLayer):
                found[name] = (("year",), layer.reduce(monthly[layer.base.name]))
            elif layer.time == "static":
                found[name] = ((), layer.values(points, [None])[0])
            else:
                found[name] = (("year",), layer.values(points, years))
        return found

    def _empty(self, columns: list[str], size: int) -> dict:
        nowhere = self._values(Points(np.empty(0), np.empty(0), self.grid.resolution, self.grid.crs), columns)
        return {
            name: ((*dims, "site"), np.full((*values.shape[:-1], size), np.nan, "float32"))
            for name, (dims, values) in nowhere.items()
        }

    def _run_months(self) -> list[tuple[int, int]]:
        return [(year, month) for year in self.region.years for month in _MONTHS]

    def _time_coords(self) -> dict:
        return {
            "year": list(self.region.years),
            "time": month_starts(self._run_months()),
            **self.spinup_coords,
        }

    def described(self, data: xr.Dataset) -> xr.Dataset:
        """Units and names on every variable, the grid's CRS, and what is synthetic."""
        for name in data.data_vars:
            data[name].attrs = self.describe(str(name))
        settings = self.region.settings
        data.attrs = {
            "title": settings.title or settings.name,
            "synthetic": int(settings.synthetic),
            "stand_ins": ", ".join(self.region.stand_ins),
        }
        return with_crs(data, self.grid)

    def describe(self, name: str) -> dict[str, str]:
        """Attributes of a variable: ``units``, ``long_name``, ``source``."""
        if name == "mask":
            return {"units": "1", "long_name": "pixels that are mapped"}
        driver = name.removesuffix("_spinup")
        layer = self.layers[driver]
        spinup = "mean of the spin-up years" if self.spinup_dim == "month" else "months of the spin-up"
        about = layer.long_name if name == driver else f"{layer.long_name}, {spinup}"
        entry = layer.source.entry
        source = entry.source or layer.source.name
        return {"units": layer.unit, "long_name": about, "source": source}
