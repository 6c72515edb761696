"""The places of labelled data: which they are, and how one of them is named in a message."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
        self._dims: dict[str, _Dimension] = {}
        problems = Problems()
        for name, values in arguments.items():
            for dim in (dim for dim in values.dims if dim not in steps):
                found = _Dimension.of(name, values, dim)
                known = self._dims.setdefault(dim, found)
                if not found.equals(known):
                    mend = (
                        "Bring both to the same places, for example by .reindex_like(..., method='nearest')."
                    )
                    text = f"{found.text}; {known.first} has {known.text}"
                    problems.add(name, f"coordinate {dim}", text, f"the same {dim} in both", mend)
        problems.raise_if_any()

    def positions(self) -> dict[str, xr.DataArray]:
        """An argument for each dimension: positions along it."""
        return {
            POSITION + dim: xr.DataArray(np.arange(known.size), dims=dim) for dim, known in self._dims.items()
        }

    def problem(self, error: RefusalError) -> Problem:
        """What RothC said, told by coordinates."""
        said = _SAID.match(error.text)
        if said is None or error.place is None:
            return Problem("RothC", "", error.text)
        where = [label_text(dim, self._dims[dim].labels, at) for dim, at in error.place.items()]
        mend = f"{said['mend'][:1].upper()}{said['mend'][1:]}"
        return Problem("RothC", ", ".join([said["what"], *where]), said["found"], said["expected"], mend)


@dataclass(frozen=True)
class _Dimension:
    """A dimension as its first argument has it: no values of the argument, which would travel with every chunk."""

    first: str
    size: int
    labels: np.ndarray | None

    @classmethod
    def of(cls, name, values, dim) -> _Dimension:
        return cls(name, values.sizes[dim], values[dim].to_numpy() if dim in values.coords else None)

    def equals(self, other: _Dimension) -> bool:
        if self.labels is None or other.labels is None:
            return self.size == other.size
        return np.array_equal(self.labels, other.labels)

    @property
    def text(self) -> str:
        count = f"{self.size} values"
        if self.labels is None or not self.size:
            return count
        return f"{count} from {self.labels[0]} to {self.labels[-1]}"
