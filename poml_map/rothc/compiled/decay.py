"""What stays of the four pools in a month: one exponential for a whole block, as a series that vectors can run."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from poml_map.compiling import compiled

from .. import params

SLOWEST_MONTHLY = params.DECAY_RATES[3] / params.MONTHS_PER_YEAR
"""Decay of HUM in a month at rate 1; the other pools are 500, 15 and 33 times as fast. [1]"""

_SERIES_UP_TO = 1.0 / 16.0
_2ND, _3RD, _4TH, _5TH, _6TH, _7TH, _8TH = (1.0 / n for n in range(2, 9))


class Soil(NamedTuple):
    """Constants of n pixels, ndarray (n,) each.

    alpha and beta are the shares of decayed carbon that go to BIO and HUM, dpm_share is that of the plant input that
    goes to DPM. [1]
    """

    alpha: np.ndarray
    beta: np.ndarray
    dpm_share: np.ndarray


@compiled(inline="always")
def stays(exponent, width):
    """exp(-exponent) in place, for exponents from 0 on: the share of HUM that stays in a month.

    The Taylor series is cut where the next term is below rounding, (1/16)^9 / 9! < 1e-16. That serves rates up to 37
    (bare moist soil at 35 degC decays at 6); a block with a larger one takes the library's exponential.
    """
    beyond = False
    for j in range(width):
        beyond |= exponent[j] > _SERIES_UP_TO
    if beyond:
        for j in range(width):
            exponent[j] = math.exp(-exponent[j])
    else:
        for j in range(width):
            z = exponent[j]
            tail = 1.0 - z * _5TH * (1.0 - z * _6TH * (1.0 - z * _7TH * (1.0 - z * _8TH)))
            exponent[j] = 1.0 - z * (1.0 - z * _2ND * (1.0 - z * _3RD * (1.0 - z * _4TH * tail)))


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
