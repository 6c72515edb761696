"""In which months of a year carbon comes in: by weights, by greenness, or by a crop calendar."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from . import checks, params

BARE_NDVI = 0.1
"""NDVI of bare soil: only what lies above it counts as plants that shed carbon. [1]"""


class Crop(NamedTuple):
    """One crop of the year.

    sow and harvest are months 1-12 (a crop may stand over the turn of the year), weight is its share of the
    year's carbon relative to the other crops, at_harvest the part of it that comes in the harvest month (stubble
    and straw); the rest comes evenly over the months from sowing to harvest, both counted (roots).
    """

    sow: int
    harvest: int
    weight: float = 1.0
    at_harvest: float = 0.5


def shares_from_weights(name, weights):
    """Shares (12,) of January to December from twelve weights, of which only the ratios count. [1]"""
    weights = checks.not_negative(name, weights, "1")
    mend = "give one weight for each month from January to December"
    if weights.shape != (params.MONTHS_PER_YEAR,):
        raise ValueError(f"{name} has shape {weights.shape}, expected (12,). Mend: {mend}.")
    if not weights.sum() > 0:
        raise ValueError(f"{name} sums to {weights.sum():g}, expected above 0. Mend: {mend}.")
    return weights / weights.sum()


def shares_from_ndvi(ndvi, bare_ndvi=BARE_NDVI):
    """Shares of a year's input by how far the NDVI of the month lies above that of bare soil.

    Parameters
    ----------
    ndvi : array_like (12, ...) or (12 N, ...)
        January to December of the mean year, or of N years, which are averaged by calendar month. [1]
    bare_ndvi : float
        NDVI without plants. [1]

    Returns
    -------
    ndarray of float (12, ...)
        Sum 1. Twelfths where no month lies above `bare_ndvi`; NaN in all months of a site where one is
        missing. [1]

    Raises
    ------
    ValueError
        If the months are no whole years or a value is no NDVI.

    Examples
    --------
    >>> shares_from_ndvi([0.1] * 4 + [0.3, 0.5, 0.7, 0.3] + [0.0] * 4).round(2)
    array([0.  , 0.  , 0.  , 0.  , 0.14, 0.29, 0.43, 0.14, 0.  , 0.  , 0.  , 0.  ])
    """
    ndvi = checks.ndvi("ndvi", ndvi)
    checks.whole_years(ndvi=ndvi)
    mean_year = ndvi.reshape(-1, params.MONTHS_PER_YEAR, *ndvi.shape[1:]).mean(axis=0)
    green = np.maximum(mean_year - checks.ndvi("bare_ndvi", bare_ndvi), 0.0)
    # In the order of the months: numpy's own sum has another one where there is a single site.
    total = reduce(np.add, green)
    shares = np.full(green.shape, 1.0 / params.MONTHS_PER_YEAR)
    return np.divide(green, total, out=shares, where=total != 0)


def crop_calendar_shares(crops):
    """Shares of a year's input from the sowing and harvest months of its crops.

    Parameters
    ----------
    crops : sequence of Crop or of (sow, harvest, weight, at_harvest)
        Months 1-12, weights of which only ratios count, and the part of a crop's carbon from 0 to 1 that
        comes in the harvest month. Double cropping is two entries.

    Returns
    -------
    ndarray of float (12,)
        January to December, sum 1. [1]

    Raises
    ------
    ValueError
        If there is no crop, a month is none, or a weight or part is out of range.

    Examples
    --------
    Wheat from November to May, then rice from June to October with twice the carbon:

    >>> crop_calendar_shares([(11, 5, 1, 0.5), (6, 10, 2, 0.5)]).round(3)
    array([0.024, 0.024, 0.024, 0.024, 0.19 , 0.067, 0.067, 0.067, 0.067,
           0.4  , 0.024, 0.024])
    """
    crops = [_crop(index, crop) for index, crop in enumerate(crops)]
    total = sum(crop.weight for crop in crops)
    if not total > 0:
        raise ValueError(
            f"crops: the weights of {len(crops)} crops sum to {total:g}, expected above 0. Mend: {_CROP_MEND}."
        )
    shares = np.zeros(params.MONTHS_PER_YEAR)
    for crop in crops:
        months = (crop.harvest - crop.sow) % params.MONTHS_PER_YEAR + 1
        standing = (crop.sow - 1 + np.arange(months)) % params.MONTHS_PER_YEAR
        shares[standing] += crop.weight / total * (1.0 - crop.at_harvest) / months
        shares[crop.harvest - 1] += crop.weight / total * crop.at_harvest
    return shares


_CROP_MEND = "give (sowing month, harvest month, weight, share at harvest) for each crop"


def _crop(index, crop):
    crop = Crop(*crop)
    for name in ("sow", "harvest"):
        checks.month(f"crops[{index}].{name}", getattr(crop, name))
    checks.not_negative(f"crops[{index}].weight", crop.weight, "1")
    at_harvest = checks.fraction(f"crops[{index}].at_harvest", crop.at_harvest)
    checks.refuse(f"crops[{index}].at_harvest", at_harvest, np.isnan(at_harvest), "0 to 1", _CROP_MEND)
    return crop
