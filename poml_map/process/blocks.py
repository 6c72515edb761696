"""RothC's functions of plain arrays, applied to labelled ones: any dimensions beside the steps, lazy where they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from poml_map.errors import InputError
from poml_map.process.columns import Columns, RefusalError
from poml_map.process.places import Places

#: Sites or pixels computed at once: 252 months of a dozen series in float64 are then some 100 MB.
SITES = 4096


def by_site(
    function: Callable[[Columns], Columns],
    arguments: dict[str, xr.DataArray],
    outputs: dict[str, str | None],
    lengths: dict[str, int],
    dtype: str = "float64",
) -> xr.Dataset:
    """Apply a function of n sites to all places of labelled arguments.

    Parameters
    ----------
    function : callable
        Takes the arguments by name in float64, each (steps, n) or (n,), and returns the outputs likewise, others too.
        What a site gives may depend on that site alone. Columns named after `columns.POSITION` say where a site is;
        a `RefusalError` that tells them is passed on with the coordinates there.
    arguments : dict of str -> xarray.DataArray
        Those with a dimension in `lengths` have it as their steps.
    outputs : dict of str -> str or None
        Dimension of the steps of each output; at least two outputs.
    lengths : dict of str -> int
        Dimensions that stand for steps of time, and their length.
    dtype : str
        Of the outputs.

    Returns
    -------
    xarray.Dataset
        Steps first, then the other dimensions as the arguments have them. Lazy if an argument is, and then in the
        chunks of the arguments.

    Raises
    ------
    InputError
        If two arguments differ in the coordinates of a dimension.
    """
    places = Places(arguments, lengths)
    arguments = arguments | places.positions()
    steps = {name: [dim for dim in lengths if dim in values.dims] for name, values in arguments.items()}
    kernel = _Kernel(function, steps, outputs, lengths, np.dtype(dtype), places)
    results = xr.apply_ufunc(
        kernel,
        *_in_common_chunks(arguments, lengths),
        input_core_dims=list(steps.values()),
        output_core_dims=[[dim] if dim else [] for dim in outputs.values()],
        join="exact",
        dask="parallelized",
        output_dtypes=[kernel.dtype] * len(outputs),
        dask_gufunc_kwargs={"output_sizes": {dim: lengths[dim] for dim in outputs.values() if dim}},
        keep_attrs=False,
    )
    named = zip(outputs.items(), results, strict=True)
    return xr.Dataset({name: values.transpose(*([dim] if dim else []), ...) for (name, dim), values in named})


def _in_common_chunks(arguments, lengths) -> list[xr.DataArray]:
    """The arguments as they are if all are in memory, else all lazy in the same chunks, steps in one."""
    values = list(arguments.values())
    if not any(each.chunks for each in values):
        return values
    whole = [each.chunk({dim: -1 for dim in lengths if dim in each.dims}) for each in values]
    return list(xr.unify_chunks(*whole))


class _Kernel:
    """What runs on numpy blocks with the steps last, as `apply_ufunc` hands them over."""

    def __init__(self, function, steps, outputs, lengths, dtype, places):
        self.function, self.steps, self.outputs = function, steps, outputs
        self.lengths, self.dtype, self.places = lengths, dtype, places

    def __call__(self, *blocks):
        blocks = {
            name: np.moveaxis(block, -1, 0) if steps else block[np.newaxis]
            for block, (name, steps) in zip(blocks, self.steps.items(), strict=True)
        }
        places = np.broadcast_shapes(*(block.shape[1:] for block in blocks.values()))
        results = {
            name: np.empty((self.lengths[dim] if dim else 1, *places), self.dtype)
            for name, dim in self.outputs.items()
        }
        for part in _parts(places):
            computed = self._computed(blocks, places, part)
            for name, whole in results.items():
                result = whole[:, *part]
                result[...] = computed[name][..., : result[0].size].reshape(result.shape)
        return tuple(
            np.moveaxis(results[name], 0, -1) if dim else results[name][0]
            for name, dim in self.outputs.items()
        )

    def _computed(self, blocks, places, part):
        """The function's outputs for some of the places, laid out in one row."""
        columns = {name: self._row(name, block, places, part) for name, block in blocks.items()}
        try:
            return self.function(columns)
        except RefusalError as error:
            raise InputError(self.places.problem(error)) from error

    def _row(self, name, block, places, part):
        missing = len(places) + 1 - block.ndim
        aligned = block.reshape(block.shape[0], *(1,) * missing, *block.shape[1:])
        chosen = np.broadcast_to(aligned, (block.shape[0], *places))[:, *part]
        row = np.ascontiguousarray(chosen.reshape(block.shape[0], -1), dtype=np.float64)
        if row.shape[1] == 1:  # numpy sums a single column in another order than one of several
            row = np.repeat(row, 2, axis=1)
        return row if self.steps[name] else row[0]


def _parts(places: tuple[int, ...]):
    """Slices along the first axis that hold some thousand places each."""
    if not places:
        yield ()
        return
    rows = max(SITES // max(int(np.prod(places[1:])), 1), 1)
    for start in range(0, places[0], rows):
        yield (slice(start, start + rows),)
