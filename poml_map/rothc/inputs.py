"""In which months of a year carbon comes in: by weights, by greenness, or by a crop calendar."""

from __future__ import annotations

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
    ndvi : array_like (12, ...)
        January to December of the mean year. [1]
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
        If there are not 12 months or a value is no NDVI.

    Examples
    --------
    >>> shares_from_ndvi([0.1] * 4 + [0.3, 0.5, 0.7, 0.3] + [0.0] * 4).round(2)
    array([0.  , 0.  , 0.  , 0.  , 0.14, 0.29, 0.43, 0.14, 0.  , 0.  , 0.  , 0.  ])
    """
    ndvi = checks.ndvi("ndvi", ndvi)
    checks.one_year(ndvi=ndvi)
    bare_ndvi = checks.ndvi("bare_ndvi", bare_ndvi)
    green = np.maximum(ndvi - bare_ndvi, 0.0)
    total = green.sum(axis=0)
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
    crops = [Crop(*crop) for crop in crops]
    mend = "give (sowing month, harvest month, weight, share at harvest) for each crop"
    if not crops:
        raise ValueError(f"crops is empty, expected at least one. Mend: {mend}.")
    shares = np.zeros(params.MONTHS_PER_YEAR)
    weights = shares_of_crops(crops)
    for index, (crop, weight) in enumerate(zip(crops, weights, strict=True)):
        for name in ("sow", "harvest"):
            if getattr(crop, name) not in range(1, params.MONTHS_PER_YEAR + 1):
                raise ValueError(
                    f"crops[{index}].{name} is {getattr(crop, name)!r}, expected a month from 1 to 12. Mend: {mend}."
                )
        at_harvest = float(checks.fraction(f"crops[{index}].at_harvest", crop.at_harvest))
        standing = (crop.sow - 1 + np.arange((crop.harvest - crop.sow) % 12 + 1)) % 12
        shares[standing] += weight * (1.0 - at_harvest) / len(standing)
        shares[crop.harvest - 1] += weight * at_harvest
    return shares


def shares_of_crops(crops):
    """Each crop's share of the year's carbon, sum 1. [1]"""
    weights = checks.not_negative("crops (weights)", [crop.weight for crop in crops], "1")
    if not weights.sum() > 0:
        raise ValueError(f"crops: the weights sum to {weights.sum():g}, expected above 0. Mend: raise one.")
    return weights / weights.sum()
