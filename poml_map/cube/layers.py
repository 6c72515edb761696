"""Layers: one column of the cube each, evaluated at pixel centres.

`Layer.at` is a pure function of each pixel's centre. The lazy Dataset, the tiles of the mapping and the
values at sample sites all come from it, which is why they agree bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poml_map.catalog import Source
from poml_map.cube import kernels
from poml_map.cube.area import Area
from poml_map.cube.positions import Points
from poml_map.cube.resample import resample, stencil
from poml_map.cube.series import Conversion, Series, Step
from poml_map.cube.timeplan import TimePlan
from poml_map.cube.zones import Zones


@dataclass
class GridField:
    """A gridded source at pixel centres.

    Attributes
    ----------
    series : Series
    method : {"nearest", "bilinear", "average", "mode"}
    side : int
        Sub-points along a pixel's side, for average and mode.
    """

    series: Series
    method: str
    side: int = 1

    def values(self, points: Points, steps: list[Step]) -> np.ndarray:
        """Values, shape (len(steps), n), float32; NaN where missing and outside the source."""
        shape = stencil(self.series.reader.grid, points, self.method, self.side)
        window = shape.window()
        if window is None:
            return np.full((len(steps), len(points)), np.nan, "float32")
        cells, window = self.series.cells(steps, window)
        return resample(cells, shape.index(window), shape, self.method)


@dataclass
class ZoneField:
    """A value for each zone and year; `zones` is None when one series counts everywhere."""

    zones: Zones | None
    values_by_zone: np.ndarray
    years: range

    def values(self, points: Points, steps: list[Step]) -> np.ndarray:
        """Values, shape (len(steps), n), float32; NaN outside all zones."""
        columns = [self.years.index(years[0]) for years, _ in steps]
        table = self.values_by_zone[:, columns]
        if self.zones is None:
            return np.repeat(table.T, len(points), axis=1)
        codes = self.zones.codes(points)
        return np.where(codes >= 0, table[codes].T, np.float32(np.nan))


@dataclass
class ConstantField:
    """One number, or one for each month, everywhere."""

    source: Source
    numbers: tuple[float, ...]

    def values(self, points: Points, steps: list[Step]) -> np.ndarray:
        """Values, shape (len(steps), n), float32."""
        rows = np.array([[self.value(step)] for step in steps], "float32")
        return np.repeat(rows, len(points), axis=1)

    def value(self, step: Step) -> float:
        """The number of a step, in the cube's unit."""
        years, month = step
        number = self.numbers[(month or 1) - 1] if len(self.numbers) > 1 else self.numbers[0]
        convert = Conversion(self.source)
        return float(np.mean([convert(np.array(number), (year, month)) for year in years]))


@dataclass
class Layer:
    """A column that a source fills directly.

    Attributes
    ----------
    name, unit, long_name : str
    time : {"static", "annual", "monthly"}
    source : Source
    field : GridField, ZoneField or ConstantField
    plan : TimePlan
    size, crs
        Of the region's grid.
    """

    name: str
    unit: str
    long_name: str
    time: str
    source: Source
    field: GridField | ZoneField | ConstantField
    plan: TimePlan
    size: tuple[float, float]
    crs: str

    def at(self, x, y, labels: list) -> np.ndarray:
        """Values at pixel centres.

        Parameters
        ----------
        x, y : array_like, shape (n,)
            Centres of pixels, in the CRS of the region's grid.
        labels : list
            ``[None]`` for a static column, else years, ``(year, month)`` pairs or ``("spinup", month)``.

        Returns
        -------
        ndarray of float32, shape (len(labels), n)
            In `unit`; NaN where the source has no value.

        Raises
        ------
        InputError
            If a file is damaged or a value impossible.
        """
        return self.values(Points(x, y, self.size, self.crs), labels)

    def values(self, points: Points, labels: list) -> np.ndarray:
        """The same for `Points`, which remember their positions for the next layer."""
        steps = [self.plan.steps[label] for label in labels]
        unique = list(dict.fromkeys(steps))
        values = self.field.values(points, unique)
        position = {step: index for index, step in enumerate(unique)}
        return values if len(unique) == len(steps) else values[[position[step] for step in steps]]


@dataclass
class YearlyLayer:
    """An annual column made from a monthly layer: a total of twelve months, or a mean of some.

    Attributes
    ----------
    name, unit, long_name : str
    base : Layer
    months : tuple of int
        1-12, of the same calendar year.
    how : {"sum", "mean"}
    """

    name: str
    unit: str
    long_name: str
    base: Layer
    months: tuple[int, ...]
    how: str
    time: str = field(default="annual", init=False)

    @property
    def source(self) -> Source:
        """The source of the monthly layer."""
        return self.base.source

    def at(self, x, y, labels: list[int]) -> np.ndarray:
        """As `Layer.at`, for years."""
        return self.values(Points(x, y, self.base.size, self.base.crs), labels)

    def values(self, points: Points, labels: list[int]) -> np.ndarray:
        """The same for `Points`."""
        wanted = [(year, month) for year in labels for month in range(1, 13)]
        return self.reduce(self.base.values(points, wanted))

    def reduce(self, monthly: np.ndarray) -> np.ndarray:
        """From whole years of months, shape (12 years, n), to years, shape (years, n), float32."""
        total = np.zeros((len(monthly) // 12, monthly.shape[1]))
        kernels.add_months(monthly, np.array(self.months), total)
        return (total / len(self.months) if self.how == "mean" else total).astype("float32")


@dataclass
class MaskLayer:
    """Which pixels are mapped: inside the area, and of a class of the mask source.

    Attributes
    ----------
    area : Area
    field : GridField, optional
    classes : tuple of int
    """

    area: Area
    field: GridField | None = None
    classes: tuple[int, ...] = ()

    def values(self, points: Points) -> np.ndarray:
        """Boolean, shape (n,)."""
        inside = self.area.contains(points)
        if self.field is None:
            return inside
        return inside & np.isin(self.field.values(points, [((None,), None)])[0], self.classes)
