"""What `poml-map check` says about the sources: headers by default, every pixel with `deep`."""

from __future__ import annotations

from poml_map.config import Region
from poml_map.cube.build import Builder
from poml_map.cube.cube import Cube
from poml_map.cube.holes import Holes
from poml_map.cube.layers import GridField, Layer
from poml_map.cube.starts import Starts
from poml_map.errors import InputError, Problems

_DEEP_TILE = 512
# Of one source; a wrong unit would be said once for every month.
_MOST_PROBLEMS = 5


def check_cube(region: Region, deep: bool = False) -> dict:
    """Check all sources of a region.

    Parameters
    ----------
    region : Region
    deep : bool
        Read every value that the run will read, too.

    Returns
    -------
    dict
        ``grid`` (crs, resolution, width, height), ``pixels`` of the grid, ``pixels_in_area`` (an estimate
        from 4096 pixels without the mask source; counted with the mask when `deep`), ``coverage`` by source,
        ``fills``, ``columns``, ``stand_ins``.

    Raises
    ------
    InputError
        With the problems of all sources at once.
    """
    cube = Cube(region, Builder(region).build())
    facts = _facts(cube)
    if deep:
        facts["pixels_in_area"] = _read_all(cube)
    return facts


def _facts(cube: Cube) -> dict:
    grid = cube.grid
    return {
        "grid": {
            "crs": grid.crs,
            "resolution": list(grid.resolution),
            "width": grid.width,
            "height": grid.height,
        },
        "pixels": grid.width * grid.height,
        "pixels_in_area": cube.pixels_in_area,
        "coverage": cube.coverage,
        "fills": cube.fills,
        "columns": cube.columns,
        "stand_ins": cube.region.stand_ins,
    }


def _read_all(cube: Cube) -> int:
    """Read every layer over the area; returns the number of mapped pixels."""
    problems, pixels, starts, holes = Problems(), 0, Starts(cube), Holes(cube)
    layers = [layer for layer in cube.layers.values() if isinstance(layer, Layer)]
    for layer in layers:
        if isinstance(layer.field, GridField):
            _read_series(layer, problems)
    for tile in cube.grid.tiles(_DEEP_TILE):
        try:
            mask = cube.mask(tile)
            pixels += int(mask.sum())
            if not len(problems):  # a map that cannot be read was named already
                starts.add(tile, mask)
                holes.add(tile, mask)
        except InputError as error:
            problems.collect(error)
            break
    if not pixels and not len(problems):
        found, mend = "no pixel inside the area and its mask", "Check `classes:` of the mask."
        problems.extend([cube.region.document.problem(("area",), found, "pixels to map", mend)])
    problems.extend(starts.problems())
    problems.extend(holes.problems())
    problems.raise_if_any()
    return pixels


def _read_series(layer: Layer, problems: Problems) -> None:
    """Frame after frame, so that memory stays at one map; after a few problems the rest says the same."""
    found = 0
    for frame in layer.field.series.all_frames():
        try:
            layer.field.series.check(frame)
        except InputError as error:
            problems.collect(error)
            found += 1
            if found == _MOST_PROBLEMS:
                return
