"""Water of the soil: the monthly deficit of rain against evaporation, and how it slows decay.

Months are on axis 0; any number of site or pixel axes follows. Everything is computed in float64.
"""

from __future__ import annotations

import numpy as np

from . import checks, params

REPEATS_WITHIN = 1e-9
"""Largest difference between two cycle-ends of a water bucket that counts as a repeat. [mm]"""

ROUNDS_PER_MONTH, ROUNDS_TO_SETTLE = 12, 4


def evaporation_from_pan(pan_evaporation):
    """Evaporation that the water bucket subtracts, from open-pan evaporation.

    Only for open-pan measurements. Potential evapotranspiration (Penman, TerraClimate) enters the bucket as
    it is, because the model counts open-pan evaporation as evapotranspiration / 0.75.

    Parameters
    ----------
    pan_evaporation : array_like, any shape
        Open-pan evaporation of the month; a winter month may be negative. NaN stays NaN. [mm]

    Returns
    -------
    ndarray of float [mm]

    Raises
    ------
    ValueError
        If a value is below -50 mm or infinite.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3, section on soil moisture.

    Examples
    --------
    >>> evaporation_from_pan([8.0, 100.0])
    array([ 6., 75.])
    """
    return params.PAN_TO_EVAPOTRANSPIRATION * checks.evaporation("pan_evaporation", pan_evaporation)


def largest_deficit(clay, depth_cm):
    """Water deficit that a covered soil can reach at most (negative).

    Parameters
    ----------
    clay : array_like, any shape
        Clay content. NaN stays NaN. [%]
    depth_cm : float
        Depth of the soil layer; the formula stands for 23 cm and is scaled. [cm]

    Returns
    -------
    ndarray of float, shape of `clay` [mm]

    Raises
    ------
    ValueError
        If `clay` is not a percentage or `depth_cm` not in centimetres.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3.

    Examples
    --------
    >>> largest_deficit(23.4, 23.0).round(2)
    np.float64(-44.94)
    """
    return deficit_limit(checks.percent_clay(clay), checks.topsoil_depth(depth_cm))


def deficit_limit(clay, depth_cm):
    """`largest_deficit` of clay and a depth that were checked before."""
    at_23_cm = params.DEFICIT_CONSTANT + clay * (params.DEFICIT_CLAY + params.DEFICIT_CLAY_SQUARED * clay)
    return -at_23_cm * (depth_cm / params.DEFICIT_DEPTH_CM)


def moisture_deficit(precip, evaporation, clay, depth_cm, cover, initial=0.0):
    """Accumulated water deficit of the soil at the end of each month (at most 0).

    A covered soil dries to its largest deficit, a bare one to 0.556 of it. A soil that is already drier when
    it becomes bare stays as it is until rain exceeds evaporation.

    Parameters
    ----------
    precip, evaporation : array_like (months, ...)
        Rain, and the water the soil loses (evapotranspiration as it is, see
        `evaporation_from_pan`). [mm/month]
    clay : array_like (...)
        Clay content. [%]
    depth_cm : float
        Depth of the soil layer. [cm]
    cover : array_like (months, ...) or scalar
        1 covered, 0 bare; a fraction counts as covered from 0.5. [-]
    initial : array_like (...)
        Deficit before the first month. [mm]

    Returns
    -------
    ndarray of float (months, ...)
        NaN from the first missing month of a site onwards: rain, evaporation or cover. [mm]

    Raises
    ------
    ValueError
        If a value is out of its range, the months differ or the shapes do not fit together.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; bare soil as in the official codes.

    Examples
    --------
    >>> pan = np.array([83.0, 99.0, 103.0])
    >>> rain = [52.0, 57.0, 34.0]
    >>> moisture_deficit(rain, evaporation_from_pan(pan), clay=23.4, depth_cm=23.0, cover=1.0).round(2)
    array([-10.25, -27.5 , -44.94])
    """
    bucket = Bucket(precip, evaporation, clay, depth_cm, cover)
    return bucket.fill(deficit_array("initial", initial))


def periodic_deficit(precip, evaporation, clay, depth_cm, cover):
    """Water deficit of each month after the same year, or the same years in a cycle, were repeated for ever.

    The bucket starts full (deficit 0) and the cycle is repeated until its end moves by less than 1e-9 mm: the
    wettest state that repeats. Usually that takes two or three rounds. Where rain and evaporation of the whole
    cycle nearly balance, the bucket can drift for thousands of years; those are skipped in one exact leap (see
    the comment in the code).

    Parameters
    ----------
    precip, evaporation, clay, depth_cm, cover
        As in `moisture_deficit`, with 12 or 12 N months on axis 0.

    Returns
    -------
    ndarray of float (12 or 12 N, ...)
        Deficit at the end of each month; the last is the one to start the next year from. A site with a missing
        value is NaN in every month: what repeats has no months before the gap. [mm]

    Raises
    ------
    ValueError
        As `moisture_deficit`, or if the months are no whole years.

    Examples
    --------
    A soil that loses 10 mm more than it gains in every year ends dry, however it started:

    >>> rain = np.full(12, 50.0)
    >>> periodic_deficit(rain, rain + 10 / 12, clay=23.4, depth_cm=23.0, cover=1.0)[-1].round(2)
    np.float64(-44.94)
    """
    bucket = Bucket(precip, evaporation, clay, depth_cm, cover)
    checks.whole_years(precip=precip, evaporation=evaporation)
    start = np.zeros(bucket.shape)
    drift_before = np.zeros(bucket.shape)
    # Why this ends. One cycle, be it of 12 months or of 12 N, maps the deficit S to F(S). Every month's rule is
    # non-decreasing in S and made of pieces of slope 1 (no limit met) and 0 (a limit met), and so is F, which
    # chains them. From S = 0 (nothing is wetter) the cycle-ends can therefore only fall. While each month stays
    # on its piece, the cycle-ends do not move (some piece has slope 0) or sink by the same amount each time, until
    # a month reaches the end of its piece; the cycles before that can be leapt over. As the path only falls, a
    # month changes its piece at most three times (off the 0 limit, through the bare limit, onto the covered one).
    # Each change costs a leap and at most three cycles around it: a bounded number of rounds.
    for _ in range(ROUNDS_PER_MONTH * bucket.months + ROUNDS_TO_SETTLE):
        path = bucket.fill(start)
        drift = path[-1] - start
        if not (np.abs(drift) > REPEATS_WITHIN).any():
            break
        steady = np.abs(drift - drift_before) <= REPEATS_WITHIN
        cycles = np.zeros(bucket.shape)
        np.divide(bucket.room(path), -drift, out=cycles, where=steady & (drift < -REPEATS_WITHIN))
        start = path[-1] + np.floor(cycles) * drift
        drift_before = drift
    return path + 0.0 * path[-1]  # 0, or NaN in the months before a gap too


def moisture_modifier(deficit, clay, depth_cm):
    """Decay speed at a water deficit: 1 down to the deficit at 1 bar, then falling to 0.2 (factor b).

    Parameters
    ----------
    deficit : array_like (..., sites)
        Accumulated deficit, at most 0. [mm]
    clay : array_like
        Clay content, broadcast against one month of `deficit`. [%]
    depth_cm : float
        Depth of the soil layer. [cm]

    Returns
    -------
    ndarray of float, shape of `deficit`
        NaN stays NaN. The largest deficit of a covered soil is used in bare months too. [-]

    Raises
    ------
    ValueError
        If `deficit` is positive, `clay` not a percentage or `depth_cm` not in centimetres.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; Zhang et al. (2024), Eq. 4.

    Examples
    --------
    >>> moisture_modifier([0.0, -30.0, -44.94], clay=23.4, depth_cm=23.0).round(3)
    array([1.   , 0.678, 0.2  ])
    """
    deficit, limit = deficit_array("deficit", deficit), largest_deficit(clay, depth_cm)
    checks.common_shape(deficit=deficit.shape, clay=limit.shape)
    return slowed_by_drought(deficit, limit)


def slowed_by_drought(deficit, limit):
    """The moisture modifier from checked arrays; `limit` is the largest deficit. [-]"""
    one_bar = params.ONE_BAR_SHARE * limit
    ramp = (limit - deficit) / (limit - one_bar)
    dry = params.DRIEST_MODIFIER + (1.0 - params.DRIEST_MODIFIER) * ramp
    return np.where(deficit > one_bar, 1.0, np.maximum(dry, params.DRIEST_MODIFIER))


class Bucket:
    """Checked water series of some sites, and the rule that takes the deficit one month further."""

    def __init__(self, precip, evaporation, clay, depth_cm, cover):
        self.precip = checks.rain("precip", precip)
        self.evaporation = checks.evaporation("evaporation", evaporation)
        self.months = checks.same_months(precip=self.precip, evaporation=self.evaporation)
        self.cover = monthly("cover", checks.fraction("cover", cover), self.months)
        self.limit = largest_deficit(clay, depth_cm)
        self.bare_limit = params.BARE_SHARE * self.limit
        self.shape = checks.common_shape(
            precip=self.precip.shape[1:],
            evaporation=self.evaporation.shape[1:],
            cover=self.cover.shape[1:],
            clay=self.limit.shape,
        )

    def covered(self, month):
        """Where the soil counts as covered in `month`."""
        return self.cover[month] >= params.COVERED_FROM

    def next(self, month, deficit):
        """Deficit at the end of `month` from the one before it."""
        floor = np.where(self.covered(month), self.limit, np.minimum(self.bare_limit, deficit))
        # 0 times the cover is 0, or NaN where the cover is missing: an unknown cover is an unknown deficit.
        surplus = self.precip[month] - self.evaporation[month] + 0.0 * self.cover[month]
        return np.maximum(floor, np.minimum(0.0, deficit + surplus))

    def fill(self, deficit):
        """Deficit at the end of every month (months, ...)."""
        shape = checks.common_shape(initial=deficit.shape, water=self.shape)
        path = np.empty((self.months, *shape))
        for month in range(self.months):
            deficit = self.next(month, deficit)
            path[month] = deficit
        return path

    def room(self, path):
        """How far a whole year can sink before one of its months meets another limit. [mm]"""
        room = np.full(self.shape, np.inf)
        for month, deficit in enumerate(path):
            still_drying = ~self.covered(month) & (deficit >= self.bare_limit)
            next_limit = np.where(still_drying, self.bare_limit, self.limit)
            room = np.minimum(room, deficit - next_limit)
        return room


def deficit_array(name, values):
    """A given deficit as float64 [mm], refused if positive."""
    return checks.in_range(name, values, -np.inf, 0.0, "mm", "give the deficit as a number at or below 0")


def monthly(name, values, months):
    """`values` with a month axis: a scalar holds in every month."""
    if values.ndim == 0:
        return np.broadcast_to(values, (months,))
    if values.shape[0] != months:
        raise ValueError(
            f"{name} has {values.shape[0]} months on axis 0, expected {months}. "
            "Mend: cut the series to the same months, months first."
        )
    return values
