"""The places of labelled data: which they are, and how one of them is named in a message."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from poml_map.errors import Problem, Problems
from poml_map.process.columns import POSITION, RefusalError
from poml_map.process.reading import label_text

_SAID = re.compile(
    r"(?P<what>.*?)(\[[\d, ]+\])? is (?P<found>.*), expected (?P<expected>.*?)\. Mend: (?P<mend>.*)"
)


class Places:
    """All places of some arguments: the dimensions that are no steps, and their labels.

    Parameters
    ----------
    arguments : dict of str -> xarray.DataArray
    steps : iterable of str
        Dimensions that are no places.

    Raises
    ------
    InputError
        If two arguments differ in the coordinates of a dimension: two grids that differ by a rounding would
        otherwise have no pixel in common.
    """

    def __init__(self, arguments, steps):
        self._first: dict[str, tuple[str, xr.DataArray]] = {}
        problems = Problems()
        for name, values in arguments.items():
            for dim in (dim for dim in values.dims if dim not in steps):
                first, known = self._first.setdefault(dim, (name, values))
                if not _same_places(values, known, dim):
                    found = f"{_ends(values, dim)}; {first} has {_ends(known, dim)}"
                    mend = (
                        "Bring both to the same places, for example by .reindex_like(..., method='nearest')."
                    )
                    problems.add(name, f"coordinate {dim}", found, f"the same {dim} in both", mend)
        problems.raise_if_any()

    def positions(self) -> dict[str, xr.DataArray]:
        """An argument for each dimension: positions along it."""
        return {
            POSITION + dim: xr.DataArray(np.arange(values.sizes[dim]), dims=dim)
            for dim, (_, values) in self._first.items()
        }

    def problem(self, error: RefusalError) -> Problem:
        """What RothC said, told by coordinates."""
        said = _SAID.match(error.text)
        if said is None or error.place is None:
            return Problem("RothC", "", error.text)
        where = [label_text(dim, self._labels(dim), at) for dim, at in error.place.items()]
        mend = f"{said['mend'][:1].upper()}{said['mend'][1:]}"
        return Problem("RothC", ", ".join([said["what"], *where]), said["found"], said["expected"], mend)

    def _labels(self, dim):
        _, values = self._first[dim]
        return values[dim].to_numpy() if dim in values.coords else None


def _same_places(one, other, dim) -> bool:
    if dim in one.indexes and dim in other.indexes:
        return one.indexes[dim].equals(other.indexes[dim])
    return one.sizes[dim] == other.sizes[dim]


def _ends(values, dim) -> str:
    count = f"{values.sizes[dim]} values"
    if dim not in values.coords or not values.sizes[dim]:
        return count
    return f"{count} from {values[dim].values[0]} to {values[dim].values[-1]}"
