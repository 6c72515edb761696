"""Published numbers to choose from by name: DPM/RPM by land use, and factors on decay in paddies.

RothC is stated for soils that are not waterlogged. For paddies two reductions of the decay rates circulate; neither
could be read in its first source here, so none is a default, and each preset says what was seen of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import checks, params

DPM_RPM = {
    "crops": params.DPM_RPM_CROPS,
    "improved_grass": params.DPM_RPM_CROPS,
    "unimproved_grass": params.DPM_RPM_GRASS,
    "scrub": params.DPM_RPM_GRASS,
    "woodland": params.DPM_RPM_WOODLAND,
}
"""DPM/RPM ratio of plant input by land use, Coleman & Jenkinson (1996). [1]"""

# Factors on all decay rates of a paddy, see the evidence of the presets.
FLOODED_FACTOR = 0.2
DRAINED_FACTOR = 0.6
PADDY_ALL_YEAR_FACTOR = 0.4


class RateFactor(NamedTuple):
    """Factors on all decay rates in January to December [1], and what is known of where they come from."""

    months: tuple[float, ...]
    evidence: str


def flooded_months(months, flooded=FLOODED_FACTOR, drained=DRAINED_FACTOR):
    """Rate factors of a year in which a paddy stands under water in some months.

    Parameters
    ----------
    months : sequence of int
        Flooded months, 1-12.
    flooded, drained : float
        Factor on all decay rates in these months and in the others. [1]

    Returns
    -------
    tuple of 12 float
        January to December. [1]

    Raises
    ------
    ValueError
        If a month is none, or a factor is negative or missing.

    References
    ----------
    The two factors are those of the preset "paddy_rice_season", with its evidence.

    Examples
    --------
    >>> flooded_months([6, 7, 8, 9])
    (0.6, 0.6, 0.6, 0.6, 0.6, 0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6)
    """
    under_water = {checks.month(f"months[{index}]", month) for index, month in enumerate(months)}
    for name, factor in (("flooded", flooded), ("drained", drained)):
        factor = checks.not_negative(name, factor, "1")
        checks.refuse(
            name, factor, np.isnan(factor), "a number", "give the factor of these months, such as 0.2"
        )
    calendar = range(1, params.MONTHS_PER_YEAR + 1)
    return tuple(float(flooded if month in under_water else drained) for month in calendar)


_UNREAD = (
    "Unverified: attributed to Shirato & Yokozawa (2005) and used by Jiang et al. (2013), neither of which could be "
    "opened: all rates times 0.2 while the soil is submerged in the rice season and times 0.6 in the rest of the year. "
    "Verified: the abstract of Shirato, Yagasaki & Nishida (2011) speaks of a paddy version with a reduced "
    "decomposition rate, and found that changing between both versions with each year's crop fits best. "
)

RATE_FACTORS = {
    "none": RateFactor(
        (1.0,) * params.MONTHS_PER_YEAR, "Plain RothC-26.3, for soils that are not waterlogged."
    ),
    "paddy_all_year": RateFactor(
        (PADDY_ALL_YEAR_FACTOR,) * params.MONTHS_PER_YEAR,
        "Verified: the public scripts of GSOCseq (FAO) and RothC-Flanders multiply the modifier of paddies by 0.4 all "
        'year; their comment names Shirato and "Yukozawa" 2004, which could not be opened. The manual of GSOCseq '
        "masks paddies out.",
    ),
    "paddy_rice_season": RateFactor(
        flooded_months([6, 7, 8, 9]),
        _UNREAD
        + "The flooded months June to September are this project's stand-in for one rice crop in East China, "
        "not published ones: state your own with `flooded_months`.",
    ),
    "paddy_two_rice_seasons": RateFactor(
        flooded_months([5, 6, 7, 8, 9, 10]),
        _UNREAD
        + "The flooded months May to October are this project's stand-in for early and late rice; with six "
        'months of each factor the mean is 0.4, as in "paddy_all_year", which proves nothing.',
    ),
}
"""Presets of the monthly rate factor. The default of every function is "none"."""


def rate_factor_preset(name):
    """Rate factors of a preset.

    Parameters
    ----------
    name : str
        One of `RATE_FACTORS`.

    Returns
    -------
    ndarray of float (12,)
        January to December; as (12, 1) it is the `rate_factor` of `forcing.prepare`. [1]

    Raises
    ------
    ValueError
        If there is no such preset; names them all.

    Examples
    --------
    >>> rate_factor_preset("paddy_all_year")[:3]
    array([0.4, 0.4, 0.4])
    """
    checks.one_of("name", name, RATE_FACTORS)
    return np.array(RATE_FACTORS[name].months)


def dpm_rpm_of(land_use):
    """DPM/RPM ratio of plant input under a land use.

    Parameters
    ----------
    land_use : str or array_like of str
        Words of `DPM_RPM`.

    Returns
    -------
    ndarray of float, shape of `land_use` [1]

    Raises
    ------
    ValueError
        If a word is none of them; names them all.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3.

    Examples
    --------
    >>> dpm_rpm_of(["crops", "woodland", "scrub"])
    array([1.44, 0.25, 0.67])
    """
    words = np.asarray(land_use)
    ratios = [DPM_RPM[word] for word in _known(words.ravel().tolist())]
    return np.reshape(ratios, words.shape)


def _known(words):
    for index, word in enumerate(words):
        checks.one_of(f"land_use[{index}]", word, DPM_RPM)
        yield word
