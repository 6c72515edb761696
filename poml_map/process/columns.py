"""From the columns of a Dataset to what RothC's functions take: plain arrays (months, n) or (n,), by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from poml_map.rothc import (
    Options,
    cover_fraction_from_ndvi,
    cover_from_ndvi,
    evaporation_from_pan,
    part_of_map,
)

Columns = dict[str, np.ndarray]

#: Before the name of a dimension: the column of positions along it.
POSITION = "position along "


def evaporation(columns: Columns) -> np.ndarray:
    """What the water bucket loses, from ``pet`` or ``pan_evaporation``. [mm/month]"""
    return columns["pet"] if "pet" in columns else evaporation_from_pan(columns["pan_evaporation"])


def cover(columns: Columns, options: Options) -> np.ndarray:
    """Covered share of the soil, from ``cover`` or ``ndvi``. [1]"""
    if "cover" in columns:
        return columns["cover"]
    if options.cover == "fraction":
        return cover_fraction_from_ndvi(columns["ndvi"], options.cover_ndvi_range)
    return cover_from_ndvi(columns["ndvi"], options.cover_ndvi)


def drivers(columns: Columns) -> Columns:
    """Weather as `rothc.prepare` takes it; cover stands where NDVI is asked for, see `cover_rule`."""
    vegetation = columns["cover"] if "cover" in columns else columns["ndvi"]
    return {
        "air_temp": columns["air_temp"],
        "precip": columns["precip"],
        "pet": evaporation(columns),
        "ndvi": vegetation,
    }


def cover_rule(options: Options, given: bool) -> Options:
    """The options with the rule that leaves cover as it is, if it was `given`.

    Examples
    --------
    >>> cover_rule(Options(), given=True).cover_ndvi_range
    (0.0, 1.0)
    """
    return replace(options, cover="fraction", cover_ndvi_range=(0.0, 1.0)) if given else options


def at_each_depth(function: Callable[[Columns, float], Columns], columns: Columns) -> Columns:
    """Apply a function of sites of one depth [cm] to sites of several.

    Parameters
    ----------
    function : callable
        Takes columns, and the depth that RothC has as one number.
    columns : dict of str -> ndarray
        With ``depth``; a site without one is NaN.

    Raises
    ------
    RefusalError
        Where RothC raises `ValueError`.
    """
    depth = columns["depth"]
    known = np.unique(depth[~np.isnan(depth)])
    with part_of_map():
        if len(known) == 1 and not np.isnan(depth).any():
            return _attempted(function, columns, known[0])
        return _joined(function, columns, known if len(known) else [Options.depth_cm])


def _joined(function, columns, known):
    depth, joined = columns["depth"], {}
    for value in known:
        here = np.flatnonzero((depth == value) | np.isnan(depth))
        # Two of a single site: numpy sums one column in another order than several.
        chosen = here if len(here) > 1 else np.repeat(here, 2)
        results = _attempted(function, {name: values[..., chosen] for name, values in columns.items()}, value)
        for name, values in results.items():
            empty = np.full((*values.shape[:-1], len(depth)), np.nan)
            joined.setdefault(name, empty)[..., here] = values[..., : len(here)]
    return {name: np.where(np.isnan(depth), np.nan, values) for name, values in joined.items()}


def _attempted(function, columns, depth):
    try:
        return function(columns, float(depth))
    except ValueError as error:
        raise RefusalError.of(error, columns) from error


class RefusalError(ValueError):
    """What RothC refused, and at which of all places.

    Attributes
    ----------
    text : str
        As RothC said it.
    place : dict of str -> int, or None
        Position along each dimension.
    """

    def __init__(self, text: str, place: dict[str, int] | None):
        super().__init__(text)
        self.text, self.place = text, place

    @classmethod
    def of(cls, error: ValueError, columns: Columns) -> RefusalError:
        """Find the site in a message such as ``rate[7, 3] is -1, expected ...``: its last index counts sites."""
        found = re.match(r"[^\[]*\[(?:\d+, )*(\d+)\] is ", str(error))
        if not found:
            return cls(str(error), None)
        site = int(found[1])
        marked = {name: values for name, values in columns.items() if name.startswith(POSITION)}
        return cls(str(error), {name[len(POSITION) :]: int(values[site]) for name, values in marked.items()})
