"""What stays of the four pools in a month: one exponential, as a series that vectors can run."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from poml_map.compiling import compiled

from .. import params

SLOWEST_MONTHLY = params.DECAY_RATES[3] / params.MONTHS_PER_YEAR
"""Decay of HUM in a month at rate 1; the other pools are 500, 15 and 33 times as fast. [1]"""

SERIES_UP_TO = 1.0 / 32.0
"""Exponents of HUM from 0 to here take the series: rates up to 18, where bare moist soil at 35 degC has 6. [1]"""

_2ND, _3RD, _4TH, _5TH, _6TH = (1.0 / math.factorial(n) for n in range(2, 7))


class Soil(NamedTuple):
    """Constants of n pixels, ndarray (n,) each.

    alpha and beta are the shares of decayed carbon that go to BIO and HUM, dpm_share is that of the plant input that
    goes to DPM. [1]
    """

    alpha: np.ndarray
    beta: np.ndarray
    dpm_share: np.ndarray


@compiled(inline="always")
def stays(exponent):
    """exp(-exponent), the share of HUM that stays in a month, for exponents from 0 to SERIES_UP_TO.

    The Taylor series to the 6th power: what is left out is below (1/32)^7 / 7! = 6e-15, for DPM 500 times that. Its
    order of sums lets the processor work on several terms at once. Larger ones are for `correct_large`.
    """
    square = exponent * exponent
    last = _4TH - _5TH * exponent + _6TH * square
    return (1.0 - exponent) + square * ((_2ND - _3RD * exponent) + square * last)


@compiled
def correct_large(exponents, stay):
    """Put exp(-exponent) where an exponent is too large for the series.

    Pixel by pixel, and in a loop of its own: the one of the series is the same machine code, with the same roundings,
    whoever the neighbours of a pixel are.
    """
    for j in range(len(exponents)):
        if exponents[j] > SERIES_UP_TO:
            stay[j] = math.exp(-exponents[j])


@compiled(inline="always")
def powers(x):
    """x^500, x^15 and x^33: what stays of DPM, RPM and BIO in a month where x stays of HUM."""
    x2 = x * x
    x3 = x2 * x
    x5 = x3 * x2
    x15 = x5 * x5 * x5
    x30 = x15 * x15
    x60 = x30 * x30
    x125 = x60 * x60 * x5
    x250 = x125 * x125
    return x250 * x250, x15, x30 * x3
