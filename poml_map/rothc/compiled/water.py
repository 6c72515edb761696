"""From weather to rates: the water bucket and the product a * b * c, for blocks of pixels."""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .. import params
from ..flat import NO_INDEX
from ..moisture import REPEATS_WITHIN, ROUNDS_PER_MONTH, ROUNDS_TO_SETTLE
from .columns import BLOCK, read

# The kernels know global numbers, not attributes of modules.
_COVERED_FROM = params.COVERED_FROM
_BARE_SHARE = params.BARE_SHARE
_ONE_BAR_SHARE = params.ONE_BAR_SHARE
_DRIEST = params.DRIEST_MODIFIER
_COVER_SLOPE = 1.0 - params.COVERED_MODIFIER

# Rows of a block's local array.
_LIMIT, _BARE, _DEFICIT, _SURPLUS, _COVER, _WARMTH, _FACTOR, _SLOPE, _START, _DRIFT, _ROOM, _ROWS = range(12)


@compiled
def rates(warmth, surplus, cell, cover, factor, limit, initial, rate):
    """a * b * c * factor of every month, see `rates.rate_modifier`.

    Parameters
    ----------
    warmth, surplus : ndarray (months, k)
        Temperature modifier [-], and rain less evaporation [mm].
    cell : ndarray of uint32 (n,) or (0,)
        Column of the two that a pixel reads, see `columns.read`.
    cover, factor : ndarray (months, n) or (months, 1)
        Covered share, and the further factor on all rates. [1]
    limit : ndarray (n,)
        Largest deficit. [mm]
    initial : ndarray (n,)
        Deficit before the first month. [mm]
    rate : ndarray (months, n)
        Filled with the result. [-]
    """
    block = np.empty((_ROWS, BLOCK))
    for low in range(0, limit.size, BLOCK):
        width = min(BLOCK, limit.size - low)
        _begin(block, limit, low, width)
        for j in range(width):
            block[_DEFICIT, j] = initial[low + j]
            block[_SLOPE, j] = (1.0 - _DRIEST) / (limit[low + j] - _ONE_BAR_SHARE * limit[low + j])
        for month in range(len(rate)):
            read(surplus[month], cell, low, width, block[_SURPLUS])
            read(warmth[month], cell, low, width, block[_WARMTH])
            read(cover[month], NO_INDEX, low, width, block[_COVER])
            read(factor[month], NO_INDEX, low, width, block[_FACTOR])
            _next(block, width)
            _write_rate(block, rate[month], low, width)


@compiled
def settle(surplus, cell, cover, limit, deficit):
    """Deficit at the end of a cycle of months that is repeated for ever, see `moisture.periodic_deficit`.

    Parameters
    ----------
    surplus, cell, cover, limit
        As in `rates`.
    deficit : ndarray (n,)
        Filled with the result. [mm]
    """
    block = np.empty((_ROWS, BLOCK))
    months = len(surplus)
    for low in range(0, limit.size, BLOCK):
        width = min(BLOCK, limit.size - low)
        _begin(block, limit, low, width)
        block[_START, :width] = 0.0
        block[_DRIFT, :width] = 0.0
        # Why this ends, and what a leap is, stands at `moisture.periodic_deficit`.
        for _ in range(ROUNDS_PER_MONTH * months + ROUNDS_TO_SETTLE):
            block[_DEFICIT, :width] = block[_START, :width]
            block[_ROOM, :width] = np.inf
            for month in range(months):
                read(surplus[month], cell, low, width, block[_SURPLUS])
                read(cover[month], NO_INDEX, low, width, block[_COVER])
                _next(block, width)
                _narrow_room(block, width)
            if not _leap(block, width):
                break
        deficit[low : low + width] = block[_DEFICIT, :width]


@compiled(inline="always")
def _begin(block, limit, low, width):
    for j in range(width):
        block[_LIMIT, j] = limit[low + j]
        block[_BARE, j] = _BARE_SHARE * limit[low + j]


@compiled(inline="always")
def _next(block, width):
    """Deficit at the end of the month from the one before it: `moisture.Bucket.next`."""
    limit, bare, deficit = block[_LIMIT], block[_BARE], block[_DEFICIT]
    surplus, cover = block[_SURPLUS], block[_COVER]
    for j in range(width):
        # Every comparison with NaN is false: the choices below are made so that NaN falls through to the result.
        filled = deficit[j] + (surplus[j] + 0.0 * cover[j])
        filled = 0.0 if filled > 0.0 else filled
        dried = bare[j] if bare[j] < deficit[j] else deficit[j]
        floor = limit[j] if cover[j] >= _COVERED_FROM else dried
        deficit[j] = floor if filled < floor else filled


@compiled(inline="always")
def _write_rate(block, rate, low, width):
    limit, deficit, slope = block[_LIMIT], block[_DEFICIT], block[_SLOPE]
    warmth, cover, factor = block[_WARMTH], block[_COVER], block[_FACTOR]
    for j in range(width):
        dry = _DRIEST + (limit[j] - deficit[j]) * slope[j]
        dry = _DRIEST if dry < _DRIEST else dry
        wet = 1.0 if deficit[j] > _ONE_BAR_SHARE * limit[j] else dry
        rate[low + j] = warmth[j] * wet * (1.0 - _COVER_SLOPE * cover[j]) * factor[j]


@compiled(inline="always")
def _narrow_room(block, width):
    """How far the cycle can sink before this month meets another limit: `moisture.Bucket.room`."""
    limit, bare, deficit, cover, room = (
        block[_LIMIT],
        block[_BARE],
        block[_DEFICIT],
        block[_COVER],
        block[_ROOM],
    )
    for j in range(width):
        still_drying = cover[j] < _COVERED_FROM and deficit[j] >= bare[j]
        left = deficit[j] - (bare[j] if still_drying else limit[j])
        room[j] = left if left < room[j] else room[j]


@compiled(inline="always")
def _leap(block, width):
    """Where the next cycle starts; whether any bucket of the block still moved."""
    start, deficit, before, room = block[_START], block[_DEFICIT], block[_DRIFT], block[_ROOM]
    moving = False
    for j in range(width):
        drift = deficit[j] - start[j]
        moving |= abs(drift) > REPEATS_WITHIN
        cycles = 0.0
        if abs(drift - before[j]) <= REPEATS_WITHIN and drift < -REPEATS_WITHIN:
            cycles = np.floor(room[j] / -drift)
        start[j] = deficit[j] + cycles * drift
        before[j] = drift
    return moving
