"""Equilibrium of the pools under a cycle of months, for blocks of pixels: `spinup.equilibrium` compiled."""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from ..flat import NO_INDEX
from .columns import BLOCK, read
from .decay import SERIES_UP_TO, SLOWEST_MONTHLY, correct_large, powers, stays

# Rows of a block's local array. BIO and HUM run three times: with the input and what decays of DPM and RPM, and then
# 1 kg of each alone; what becomes of those two are the columns of the linear map of a cycle.
_DPM, _RPM, _KEPT_DPM, _KEPT_RPM, _BIO, _HUM, _BIO_OF_BIO, _HUM_OF_BIO, _BIO_OF_HUM, _HUM_OF_HUM = range(10)
_STAYS, _CAME, _TO_DPM, _TO_RPM, _TO_HUM, _ALPHA, _BETA, _EXPONENT, _ROWS = range(10, 19)


@compiled
def equilibrium(rate, c_input, split, soil):
    """Pools at the end of a cycle of months that is repeated for ever.

    Parameters
    ----------
    rate : ndarray (months, n)
        [-]
    c_input : ndarray (12, ...) or (months, ...), with n or 1 columns
        Carbon of one source; 12 months stand for every year. [kg/m2]
    split : ndarray (3, n)
        Shares of it that enter DPM, RPM and HUM. [1]
    soil : decay.Soil

    Returns
    -------
    ndarray (4, n)
        [kg/m2]
    """
    n = rate.shape[1]
    block, pools = np.empty((_ROWS, BLOCK)), np.empty((4, n))
    for low in range(0, n, BLOCK):
        width = min(BLOCK, n - low)
        _begin(block, split, soil, low, width)
        for month in range(len(rate)):
            _read_month(block, rate, c_input, month, low, width)
            _plant_material(block)
        for j in range(BLOCK):
            block[_DPM, j] /= 1.0 - block[_KEPT_DPM, j]
            block[_RPM, j] /= 1.0 - block[_KEPT_RPM, j]
        for month in range(len(rate)):
            _read_month(block, rate, c_input, month, low, width)
            _all_pools(block)
        _close(block)
        pools[0, low : low + width] = block[_DPM, :width]
        pools[1, low : low + width] = block[_RPM, :width]
        pools[2, low : low + width] = block[_BIO, :width]
        pools[3, low : low + width] = block[_HUM, :width]
    return pools


@compiled(inline="always")
def _begin(block, split, soil, low, width):
    block[:] = 0.0
    block[_KEPT_DPM] = 1.0
    block[_KEPT_RPM] = 1.0
    block[_BIO_OF_BIO] = 1.0
    block[_HUM_OF_HUM] = 1.0
    for j in range(width):
        block[_ALPHA, j] = soil.alpha[low + j]
        block[_BETA, j] = soil.beta[low + j]
        block[_TO_DPM, j] = split[0, low + j]
        block[_TO_RPM, j] = split[1, low + j]
        block[_TO_HUM, j] = split[2, low + j]


@compiled(inline="always")
def _read_month(block, rate, c_input, month, low, width):
    read(c_input[month % len(c_input)], NO_INDEX, low, width, block[_CAME])
    hum_stays, exponent, largest = block[_STAYS], block[_EXPONENT], 0.0
    for j in range(width):
        exponent[j] = rate[month, low + j] * SLOWEST_MONTHLY
        largest = max(largest, exponent[j])
    for j in range(BLOCK):
        hum_stays[j] = stays(exponent[j])
    if largest > SERIES_UP_TO:
        correct_large(exponent, hum_stays)


@compiled(inline="always")
def _plant_material(block):
    """DPM and RPM, which nothing flows into but the input: each is a linear map of itself alone."""
    dpm, rpm, kept_dpm, kept_rpm = block[_DPM], block[_RPM], block[_KEPT_DPM], block[_KEPT_RPM]
    hum_stays, came, to_dpm, to_rpm = block[_STAYS], block[_CAME], block[_TO_DPM], block[_TO_RPM]
    for j in range(BLOCK):
        dpm_stays, rpm_stays, _ = powers(hum_stays[j])
        kept_dpm[j] *= dpm_stays
        kept_rpm[j] *= rpm_stays
        dpm[j] = dpm[j] * dpm_stays + came[j] * to_dpm[j]
        rpm[j] = rpm[j] * rpm_stays + came[j] * to_rpm[j]


@compiled(inline="always")
def _all_pools(block):
    """A month of all four pools, and of BIO and HUM alone."""
    dpm, rpm, bio, hum, hum_stays = block[_DPM], block[_RPM], block[_BIO], block[_HUM], block[_STAYS]
    came, to_dpm, to_rpm, to_hum = block[_CAME], block[_TO_DPM], block[_TO_RPM], block[_TO_HUM]
    bio_of_bio, hum_of_bio = block[_BIO_OF_BIO], block[_HUM_OF_BIO]
    bio_of_hum, hum_of_hum = block[_BIO_OF_HUM], block[_HUM_OF_HUM]
    alpha, beta = block[_ALPHA], block[_BETA]
    for j in range(BLOCK):
        x = hum_stays[j]
        dpm_stays, rpm_stays, bio_stays = powers(x)
        lost = (
            dpm[j] * (1.0 - dpm_stays)
            + rpm[j] * (1.0 - rpm_stays)
            + bio[j] * (1.0 - bio_stays)
            + hum[j] * (1.0 - x)
        )
        dpm[j] = dpm[j] * dpm_stays + came[j] * to_dpm[j]
        rpm[j] = rpm[j] * rpm_stays + came[j] * to_rpm[j]
        bio[j] = bio[j] * bio_stays + alpha[j] * lost
        hum[j] = hum[j] * x + beta[j] * lost + came[j] * to_hum[j]
        lost = bio_of_bio[j] * (1.0 - bio_stays) + hum_of_bio[j] * (1.0 - x)
        bio_of_bio[j] = bio_of_bio[j] * bio_stays + alpha[j] * lost
        hum_of_bio[j] = hum_of_bio[j] * x + beta[j] * lost
        lost = bio_of_hum[j] * (1.0 - bio_stays) + hum_of_hum[j] * (1.0 - x)
        bio_of_hum[j] = bio_of_hum[j] * bio_stays + alpha[j] * lost
        hum_of_hum[j] = hum_of_hum[j] * x + beta[j] * lost


@compiled(inline="always")
def _close(block):
    """Solve (BIO, HUM) = P (BIO, HUM) + q for the two pools, as `spinup.equilibrium` does."""
    bio, hum = block[_BIO], block[_HUM]
    for j in range(BLOCK):
        bio_left, hum_left = 1.0 - block[_BIO_OF_BIO, j], 1.0 - block[_HUM_OF_HUM, j]
        determinant = bio_left * hum_left - block[_BIO_OF_HUM, j] * block[_HUM_OF_BIO, j]
        bio_in, hum_in = bio[j], hum[j]
        bio[j] = (hum_left * bio_in + block[_BIO_OF_HUM, j] * hum_in) / determinant
        hum[j] = (bio_left * hum_in + block[_HUM_OF_BIO, j] * bio_in) / determinant
