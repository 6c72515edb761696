"""Pixels that RothC could not be started from, found before a run meets them."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np

from poml_map.cube.cube import Cube
from poml_map.cube.positions import Points
from poml_map.errors import Problem
from poml_map.grid import Tile
from poml_map.settings_rothc import FactorsByClass, RatioByClass
from poml_map.tables import listed

log = logging.getLogger(__name__)


class Starts:
    """Counts, tile after tile, the mapped pixels whose class or first value RothC cannot use.

    Parameters
    ----------
    cube : Cube
    """

    def __init__(self, cube: Cube):
        self._cube = cube
        columns = cube.region.settings.rothc.class_columns()
        self._classes = {columns[key]: Counter() for key in ("dpm_rpm", "rate_factor") if key in columns}
        self._bases = _bases(cube)

    def add(self, tile: Tile, mask: np.ndarray) -> None:
        """Count the pixels of a tile.

        Parameters
        ----------
        tile : Tile
        mask : ndarray of bool, shape of the tile
            Which of its pixels are mapped.

        Raises
        ------
        InputError
            If a source cannot be read.
        """
        points = Points.of_tile(self._cube.grid, tile).chosen(mask.ravel())
        for column, counted in self._classes.items():
            values = self._cube.layers[column].values(points, [None])[0]
            counted.update(values[~np.isnan(values)].tolist())
        for base in self._bases:
            base.add(points)

    def problems(self) -> list[Problem]:
        """What was found; classes that a rate factor waits for in vain are warned of."""
        rothc = self._cube.region.settings.rothc
        if isinstance(rothc.rate_factor, FactorsByClass):
            self._warn_of_absent(rothc.rate_factor)
        found = [base.problem() for base in self._bases if base.count]
        return [*found, *self._unlisted(rothc.dpm_rpm)] if isinstance(rothc.dpm_rpm, RatioByClass) else found

    def _unlisted(self, option: RatioByClass) -> list[Problem]:
        classes = self._classes[option.column]
        unlisted = {number: count for number, count in classes.items() if number not in option.by_class}
        if not unlisted:
            return []
        named = listed([f"class {number:g} ({count} pixels)" for number, count in sorted(unlisted.items())])
        expected = f"one for every class of {option.column} in the area"
        mend = f"Add it, for example `{min(unlisted):g}: 1.44`, or leave these pixels out by the mask."
        loc = ("rothc", "dpm_rpm", "values")
        return [self._cube.region.document.problem(loc, f"no ratio for {named}", expected, mend)]

    def _warn_of_absent(self, option: FactorsByClass) -> None:
        """One table of classes may serve several regions, so this is no problem; all in vain is most likely a slip."""
        counted = self._classes[option.column]
        if counted and not counted.keys() & option.by_class.keys():
            named, there = (
                listed([f"{number:g}" for number in sorted(classes)])
                for classes in (option.by_class, counted)
            )
            text = (
                "  warning: rothc.rate_factor changes nothing: no mapped pixel has its class %s, %s holds %s"
            )
            log.warning(text, named, option.column, there)


class _Base:
    """A column whose first value has to be above 0 at every mapped pixel; a gap passes."""

    def __init__(self, cube: Cube, key: str, column: str, expected: str, mend: str):
        self.cube, self.key, self.column, self.expected, self.mend = cube, key, column, expected, mend
        self.count, self.first = 0, ""

    def add(self, points: Points) -> None:
        layer = self.cube.layers[self.column]
        label = None if layer.time == "static" else self.cube.region.years[0]
        values = layer.values(points, [label])[0]
        bad = np.flatnonzero(values <= 0)
        if len(bad) and not self.count:
            self.first = (
                f"{values[bad[0]]:g} {layer.unit} at x {points.x[bad[0]]:.10g}, y {points.y[bad[0]]:.10g}"
            )
        self.count += len(bad)

    def problem(self) -> Problem:
        more = f" and {self.count - 1} more pixels" if self.count > 1 else ""
        found = f"{self.column} of {self.first}{more}"
        return self.cube.region.document.problem(("rothc", self.key), found, self.expected, self.mend)


def _bases(cube: Cube) -> list[_Base]:
    region, rothc = cube.region, cube.region.settings.rothc
    bases = []
    if rothc.input_column is not None:
        expected = f"above 0 in {region.years[0]}: the input of every later year is divided by it"
        mend = "Correct the source, leave these pixels out by the mask, or name another driver."
        bases.append(_Base(cube, "input_driver", rothc.input_column, expected, mend))
    if rothc.first_map in region.sources:
        column = region.sources[rothc.first_map].entry.cube_column
        mend = "Declare `nodata: 0` if that means no data, or leave these pixels out by the mask."
        bases.append(_Base(cube, "first_map", column, "above 0: a soil with carbon", mend))
    return bases
