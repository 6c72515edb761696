"""The pools month by month with mu, for blocks of pixels: `engine.Run` compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poml_map.compiling import compiled

from .. import params
from ..flat import NO_INDEX
from .columns import BLOCK, read
from .decay import SLOWEST_MONTHLY, powers, stays

_YEAR = params.MONTHS_PER_YEAR
_MANURE_DPM, _MANURE_RPM, _, _MANURE_HUM = params.MANURE_SPLIT

# Rows of a block's local array.
_DPM, _RPM, _BIO, _HUM, _STAYS, _CAME, _MANURE, _ADDED, _RESPIRED, _EARLIER = range(10)
_ALPHA, _BETA, _LOSS, _TO_DPM, _TO_RPM, _PACE, _K_M, _SHIFT, _ROWS = range(10, 19)


class Inputs(NamedTuple):
    """Carbon that comes in.

    Of plants ``relative[month, zone] * annual``: relative (months, z) [1], zone of uint32 (n,) or (0,), see
    `columns.read`, annual (n,) [kg/m2/year]. Manure (months, n), (months, 1) or (0, 0) for none [kg/m2].
    """

    relative: np.ndarray
    zone: np.ndarray
    annual: np.ndarray
    manure: np.ndarray


class Record(NamedTuple):
    """What a run fills, in kg/m2.

    stock (years + 1, n) without inert carbon; added and respired (n,) over the whole run; pools (years + 1, 4, n) and
    yearly_respired (years, n), or with 0 years where they are not wanted.
    """

    stock: np.ndarray
    added: np.ndarray
    respired: np.ndarray
    pools: np.ndarray
    yearly_respired: np.ndarray


@compiled
def march(start, rate, inputs, soil, mu_max, k_m, record):
    """Run the pools over all months and record them at the start and after every 12.

    Parameters
    ----------
    start : ndarray (4, n)
        [kg/m2]
    rate : ndarray (months, n)
        a * b * c. [-]
    inputs : Inputs
    soil : decay.Soil
    mu_max, k_m : ndarray (n,)
        [-], [kg/m2]
    record : Record
    """
    block = np.empty((_ROWS, BLOCK))
    n = start.shape[1]
    for low in range(0, n, BLOCK):
        width = min(BLOCK, n - low)
        _load(block, start, inputs, soil, mu_max, k_m, low, width)
        _write(block, record, 0, low, width)
        for month in range(len(rate)):
            read(inputs.relative[month], inputs.zone, low, width, block[_CAME])
            _set_decay(block, rate[month], low, width)
            _step(block, width)
            if inputs.manure.size > 0:
                read(inputs.manure[month], NO_INDEX, low, width, block[_MANURE])
                _spread(block, width)
            if (month + 1) % _YEAR == 0:
                _write(block, record, (month + 1) // _YEAR, low, width)
        record.added[low : low + width] = block[_ADDED, :width]
        record.respired[low : low + width] = block[_RESPIRED, :width]


@compiled(inline="always")
def _load(block, start, inputs, soil, mu_max, k_m, low, width):
    block[_ADDED] = 0.0
    block[_RESPIRED] = 0.0
    block[_EARLIER] = 0.0
    for j in range(width):
        i = low + j
        for pool in range(4):
            block[pool, j] = start[pool, i]
        block[_ALPHA, j] = soil.alpha[i]
        block[_BETA, j] = soil.beta[i]
        block[_LOSS, j] = 1.0 - soil.alpha[i] - soil.beta[i]
        block[_TO_DPM, j] = inputs.annual[i] * soil.dpm_share[i]
        block[_TO_RPM, j] = inputs.annual[i] * (1.0 - soil.dpm_share[i])
        block[_PACE, j] = mu_max[i] * SLOWEST_MONTHLY
        block[_K_M, j] = k_m[i]
        # With K_m = 0, (BIO + 1) / (BIO + 1 + 0) is exactly 1, also at BIO = 0; elsewhere nothing is added.
        block[_SHIFT, j] = 1.0 if k_m[i] == 0.0 else 0.0


@compiled(inline="always")
def _set_decay(block, rate, low, width):
    bio, pace, k_m, shift, left = block[_BIO], block[_PACE], block[_K_M], block[_SHIFT], block[_STAYS]
    for j in range(width):
        shifted = bio[j] + shift[j]
        left[j] = rate[low + j] * pace[j] * (shifted / (shifted + k_m[j]))
    stays(left, width)


@compiled(inline="always")
def _step(block, width):
    """Decay of all pools from their values at the month's start, then the input of plants."""
    dpm, rpm, bio, hum, left = block[_DPM], block[_RPM], block[_BIO], block[_HUM], block[_STAYS]
    alpha, beta, loss, respired = block[_ALPHA], block[_BETA], block[_LOSS], block[_RESPIRED]
    came, to_dpm, to_rpm, added = block[_CAME], block[_TO_DPM], block[_TO_RPM], block[_ADDED]
    for j in range(width):
        stays_dpm, stays_rpm, stays_bio = powers(left[j])
        before = dpm[j] + rpm[j] + bio[j] + hum[j]
        dpm_left, rpm_left, bio_left, hum_left = (
            dpm[j] * stays_dpm,
            rpm[j] * stays_rpm,
            bio[j] * stays_bio,
            hum[j] * left[j],
        )
        lost = before - (dpm_left + rpm_left + bio_left + hum_left)
        dpm[j] = dpm_left + came[j] * to_dpm[j]
        rpm[j] = rpm_left + came[j] * to_rpm[j]
        bio[j] = bio_left + alpha[j] * lost
        hum[j] = hum_left + beta[j] * lost
        respired[j] += loss[j] * lost
        added[j] += came[j] * (to_dpm[j] + to_rpm[j])


@compiled(inline="always")
def _spread(block, width):
    """Manure of the month."""
    manure = block[_MANURE]
    for j in range(width):
        block[_DPM, j] += _MANURE_DPM * manure[j]
        block[_RPM, j] += _MANURE_RPM * manure[j]
        block[_HUM, j] += _MANURE_HUM * manure[j]
        block[_ADDED, j] += manure[j]


@compiled(inline="always")
def _write(block, record, year, low, width):
    for j in range(width):
        i = low + j
        record.stock[year, i] = block[_DPM, j] + block[_RPM, j] + block[_BIO, j] + block[_HUM, j]
    if len(record.pools) > 0:
        for pool in range(4):
            record.pools[year, pool, low : low + width] = block[pool, :width]
    if len(record.yearly_respired) > 0 and year > 0:
        for j in range(width):
            record.yearly_respired[year - 1, low + j] = block[_RESPIRED, j] - block[_EARLIER, j]
            block[_EARLIER, j] = block[_RESPIRED, j]
