"""Several variables of one source, joined by its expression, as one reader."""

from __future__ import annotations

import numpy as np

from poml_map.catalog import Source
from poml_map.cube.blocks import BlockCache
from poml_map.cube.frames import Frame, Reader, same_grid
from poml_map.errors import InputError
from poml_map.expression import check_expression, evaluate
from poml_map.grid import Tile


class Combined:
    """Readers of each variable behind one; see `frames.Reader`.

    Parameters
    ----------
    source : Source
    readers : dict of str -> Reader
        By the variable's name.

    Raises
    ------
    InputError
        If the expression holds more than arithmetic of the variables, or they lie on different grids.
    """

    packing = (1.0, 0.0)

    def __init__(self, source: Source, readers: dict[str, Reader]):
        self.source, self.readers = source, readers
        try:
            check_expression(source.entry.expression, list(readers))
        except ValueError as error:
            raise InputError(
                source.problem(str(error), "", "For example `(tmin + tmax) / 2`.", "expression")
            ) from error
        first, *others = readers.values()
        if not all(same_grid(first.grid, other.grid) for other in others):
            found = f"variables {', '.join(readers)} on different grids"
            raise InputError(source.problem(found, "one grid", "Make entries of their own of them."))
        self.grid = first.grid
        self.frames = frozenset.intersection(*(reader.frames for reader in readers.values()))

    def place(self, frame: Frame) -> tuple[str, str]:
        """The first variable's file, and the expression."""
        file, band = next(iter(self.readers.values())).place(frame)
        return file, f"{band}, expression {self.source.entry.expression}"

    def read(self, frames: list[Frame], window: Tile, blocks: BlockCache | None = None) -> np.ndarray:
        """The expression's values, NaN where a variable is missing or a division has no result."""
        values = {name: reader.read(frames, window, blocks) for name, reader in self.readers.items()}
        with np.errstate(divide="ignore", invalid="ignore"):  # x/0 is infinite, which the range check refuses
            result = evaluate(self.source.entry.expression, values)
        return np.broadcast_to(result, (len(frames), *window.shape)).astype(float)
