"""Rate modifiers of RothC: temperature, plant cover, and their product with moisture.

Months are on axis 0; any number of site or pixel axes follows. Everything is computed in float64.
"""

from __future__ import annotations

import numpy as np

from . import checks, params
from .moisture import (
    Bucket,
    deficit_array,
    evaporation_from_pan,
    largest_deficit,
    moisture_deficit,
    moisture_modifier,
    monthly,
    periodic_deficit,
    slowed_by_drought,
)

__all__ = [
    "cover_fraction_from_ndvi",
    "cover_from_ndvi",
    "cover_modifier",
    "evaporation_from_pan",
    "largest_deficit",
    "moisture_deficit",
    "moisture_modifier",
    "periodic_deficit",
    "rate_modifier",
    "temperature_modifier",
]


def temperature_modifier(air_temp):
    """Decay speed at a monthly temperature, relative to the Rothamsted average (factor a).

    Parameters
    ----------
    air_temp : array_like, any shape
        Mean air temperature of the month. [degC]

    Returns
    -------
    ndarray of float, shape of `air_temp`
        0 below -5 degC, near 1 at 9.25 degC. NaN stays NaN. [-]

    Raises
    ------
    ValueError
        If a value lies outside -90 to 60 degC: kelvin, or an undeclared no-data value.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; Zhang et al. (2024), Eq. 4.

    Examples
    --------
    >>> temperature_modifier([-10.0, 9.25, 25.0]).round(2)
    array([0.  , 0.99, 3.8 ])
    """
    return _temperature(checks.celsius(air_temp))


def _temperature(air_temp):
    frozen = air_temp < params.FROST_LIMIT
    # The formula has a pole at -18.27 degC, so frozen months never enter it.
    shifted = np.where(frozen, 0.0, air_temp) + params.TEMPERATURE_C
    return np.where(frozen, 0.0, params.TEMPERATURE_A / (1.0 + np.exp(params.TEMPERATURE_B / shifted)))


def cover_modifier(cover):
    """Decay speed under plant cover: 0.6 covered, 1 bare, in between for a fraction (factor c).

    Parameters
    ----------
    cover : array_like, any shape
        Covered (1), bare (0) or the covered fraction. [-]

    Returns
    -------
    ndarray of float, shape of `cover`
        1 - 0.4 cover. NaN stays NaN. [-]

    Raises
    ------
    ValueError
        If a value lies outside 0-1.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; Zhang et al. (2024), Eq. 4.

    Examples
    --------
    >>> cover_modifier([0.0, 0.5, 1.0])
    array([1. , 0.8, 0.6])
    """
    return _cover(checks.fraction("cover", cover))


def _cover(cover):
    return 1.0 - (1.0 - params.COVERED_MODIFIER) * cover


def cover_from_ndvi(ndvi, threshold=0.4):
    """Whether plants cover the soil, judged by NDVI.

    Parameters
    ----------
    ndvi : array_like, any shape
        Normalised difference vegetation index. [-]
    threshold : float
        The soil is covered from this NDVI on. [-]

    Returns
    -------
    ndarray of float, shape of `ndvi`
        1 covered, 0 bare, NaN where `ndvi` is NaN.

    Raises
    ------
    ValueError
        If a value or the threshold lies outside -1 to 1.

    Examples
    --------
    >>> cover_from_ndvi([0.2, 0.4, np.nan])
    array([ 0.,  1., nan])
    """
    ndvi, threshold = checks.ndvi("ndvi", ndvi), checks.ndvi("threshold", threshold)
    return np.where(np.isnan(ndvi), np.nan, ndvi >= threshold)


def cover_fraction_from_ndvi(ndvi, ndvi_range=(0.1, 0.7)):
    """Share of the soil that plants cover, linear in NDVI.

    Parameters
    ----------
    ndvi : array_like, any shape
        Normalised difference vegetation index. [1]
    ndvi_range : tuple of 2 float
        NDVI of bare and of fully covered soil. [1]

    Returns
    -------
    ndarray of float, shape of `ndvi`
        0 up to the first, 1 from the second NDVI on, NaN where `ndvi` is NaN. The water bucket counts a share from
        0.5 as covered; the cover modifier uses the share itself. [1]

    Raises
    ------
    ValueError
        If a value lies outside -1 to 1, or the range does not rise.

    Examples
    --------
    >>> cover_fraction_from_ndvi([0.0, 0.25, 0.4, 0.9, np.nan]).round(2)
    array([0.  , 0.25, 0.5 , 1.  ,  nan])
    """
    ndvi, (bare, covered) = checks.ndvi("ndvi", ndvi), rising_ndvi("ndvi_range", ndvi_range)
    return np.clip((ndvi - bare) / (covered - bare), 0.0, 1.0)


def rising_ndvi(name, values):
    """The NDVI of bare and of covered soil as two float, refused if they do not rise."""
    pair = checks.ndvi(name, values)
    if pair.shape != (2,) or not pair[0] < pair[1]:
        raise ValueError(
            f"{name} is {values!r}, expected two rising NDVI. "
            "Mend: give the NDVI of bare soil first, then that of full cover, as in (0.1, 0.7)."
        )
    return tuple(pair.tolist())


def rate_modifier(
    air_temp, precip, evaporation, clay, depth_cm, cover, initial_deficit=0.0, *, rate_factor=1.0
):
    """Factor that multiplies all decay rates in a month: a * b * c (without mu).

    Parameters
    ----------
    air_temp : array_like (months, ...)
        Monthly mean air temperature. [degC]
    precip, evaporation, clay, depth_cm, cover
        As in `moisture_deficit`.
    initial_deficit : array_like (...)
        Deficit before the first month. For repeated spin-up years give ``periodic_deficit(...)[-1]``, and for
        the years after them the same or the deficit this function returned. [mm]
    rate_factor : array_like (months, ...) or scalar
        Further factor, such as a slower decay in flooded paddies. [-]

    Returns
    -------
    rate : ndarray of float (months, ...)
        NaN where an input is missing, and after a gap in the water series. [-]
    final_deficit : ndarray of float (...)
        Deficit at the end of the last month. [mm]

    Raises
    ------
    ValueError
        If a value is out of its range, the months differ or the shapes do not fit together.

    References
    ----------
    Zhang et al. (2024), Eq. 4; Coleman & Jenkinson (1996).

    Examples
    --------
    >>> rain, pet = np.full(12, 50.0), np.full(12, 40.0)
    >>> rate, deficit = rate_modifier(np.full(12, 9.25), rain, pet, clay=20.0, depth_cm=20.0, cover=1.0)
    >>> rate[0].round(3), deficit
    (np.float64(0.597), np.float64(0.0))
    """
    bucket = Bucket(precip, evaporation, clay, depth_cm, cover)
    air_temp = checks.celsius(air_temp)
    checks.same_months(air_temp=air_temp, precip=precip)
    factor = monthly("rate_factor", checks.not_negative("rate_factor", rate_factor, "1"), bucket.months)
    deficit = deficit_array("initial_deficit", initial_deficit)
    shape = checks.common_shape(
        air_temp=air_temp.shape[1:],
        water=bucket.shape,
        rate_factor=factor.shape[1:],
        initial_deficit=deficit.shape,
    )
    rate = np.empty((bucket.months, *shape))
    for month in range(bucket.months):  # month by month, so that only the result is ever held for all months
        deficit = bucket.next(month, deficit)
        wet = slowed_by_drought(deficit, bucket.limit)
        rate[month] = _temperature(air_temp[month]) * wet * _cover(bucket.cover[month]) * factor[month]
    return rate, np.broadcast_to(deficit, shape).copy()[()]
