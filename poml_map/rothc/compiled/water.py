"""From weather to rates: the water bucket and the product a * b * c, for blocks of pixels."""

from __future__ import annotations

import numpy as np

from poml_map.compiling import compiled

from .. import params
from ..flat import NO_INDEX
from ..moisture import REPEATS_WITHIN, ROUNDS_PER_MONTH, ROUNDS_TO_SETTLE
from .columns import BLOCK, read
from .decay import stays

# The kernels know global numbers, not attributes of modules.
_FROST_LIMIT = params.FROST_LIMIT
_A, _B, _C = params.TEMPERATURE_A, params.TEMPERATURE_B, params.TEMPERATURE_C
_COVERED_FROM = params.COVERED_FROM
_BARE_SHARE = params.BARE_SHARE
_ONE_BAR_SHARE = params.ONE_BAR_SHARE
_DRIEST = params.DRIEST_MODIFIER
# b = 0.2 + 0.8 (limit - deficit) / (limit - one bar), with both divided by the limit.
_DROUGHT_SLOPE = (1.0 - _DRIEST) / (1.0 - _ONE_BAR_SHARE)
_DROUGHT_START = _DRIEST + _DROUGHT_SLOPE
COVER_SLOPE = 1.0 - params.COVERED_MODIFIER

# Rows of a block's local array.
_LIMIT, _SLOPE, _DEFICIT, _SURPLUS, _COVER, _WARMTH, _START, _DRIFT, _ROOM, _RATE, _ROWS = range(11)


@compiled(fastmath=False)  # every value in the same way, wherever it stands in the array
def to_temperature_modifier(air_temp):
    """Put the temperature modifier in the place of the temperatures [degC] (months, k), see `rates`.

    From the frost limit on the exponent is at most 8: its 256th part is small enough for the series.
    """
    values = air_temp.ravel()
    for i in range(values.size):
        root = stays(_B / (values[i] + _C) / 256.0)
        root *= root
        root *= root
        root *= root
        root *= root
        root *= root
        root *= root
        root *= root
        inverse = root * root
        values[i] = 0.0 if values[i] < _FROST_LIMIT else _A * inverse / (inverse + 1.0)


@compiled
def spinup_rates(warmth, surplus, cell, cover, limit, deficit, rate):
    """Deficit and rates in a cycle of months that is repeated for ever.

    Parameters
    ----------
    warmth, surplus : ndarray (months, k)
        Temperature modifier times the further factor on rates [-], and rain less evaporation [mm].
    cell : ndarray of uint32 (n,) or (0,)
        Column of the two that a pixel reads, see `columns.read`.
    cover : ndarray (months, n)
        Covered share. [1]
    limit : ndarray (n,)
        Largest deficit. [mm]
    deficit : ndarray (n,)
        Filled with that at the end of the cycle, see `moisture.periodic_deficit`. [mm]
    rate : ndarray (months, n)
        Filled with a * b * c, see `rates.rate_modifier`. [-]
    """
    block = np.empty((_ROWS, BLOCK))
    for low in range(0, limit.size, BLOCK):
        width = min(BLOCK, limit.size - low)
        block[:] = 0.0
        block[_LIMIT, :width] = limit[low : low + width]
        for j in range(BLOCK):
            block[_SLOPE, j] = drought_slope(block[_LIMIT, j])
        _settle(block, surplus, cell, cover, low, width)
        deficit[low : low + width] = block[_DEFICIT, :width]
        for month in range(len(rate)):
            _read_month(block, surplus, cell, cover, month, low, width)
            read(warmth[month], cell, low, width, block[_WARMTH])
            dry_or_fill(block[_LIMIT], block[_DEFICIT], block[_SURPLUS], block[_COVER])
            for j in range(BLOCK):
                wet = slowed_by_drought(block[_SLOPE, j], block[_DEFICIT, j])
                block[_RATE, j] = block[_WARMTH, j] * wet * (1.0 - COVER_SLOPE * block[_COVER, j])
            rate[month, low : low + width] = block[_RATE, :width]


@compiled(inline="always")
def _read_month(block, surplus, cell, cover, month, low, width):
    read(surplus[month], cell, low, width, block[_SURPLUS])
    read(cover[month], NO_INDEX, low, width, block[_COVER])


@compiled(inline="always")
def _settle(block, surplus, cell, cover, low, width):
    """Repeat the cycle until no bucket of the block moves; why that ends stands at `moisture.periodic_deficit`."""
    block[_START] = 0.0
    block[_DRIFT] = 0.0
    for _ in range(ROUNDS_PER_MONTH * len(surplus) + ROUNDS_TO_SETTLE):
        block[_DEFICIT] = block[_START]
        block[_ROOM] = np.inf
        for month in range(len(surplus)):
            _read_month(block, surplus, cell, cover, month, low, width)
            dry_or_fill(block[_LIMIT], block[_DEFICIT], block[_SURPLUS], block[_COVER])
            _narrow(block[_ROOM], block[_LIMIT], block[_DEFICIT], block[_COVER])
        if not _leap(block[_START], block[_DRIFT], block[_DEFICIT], block[_ROOM]):
            break


@compiled(inline="always")
def drought_slope(limit):
    """By how much a millimetre of deficit beyond one bar changes the moisture modifier."""
    return _DROUGHT_SLOPE / limit


@compiled(inline="always")
def next_deficit(limit, deficit, surplus, cover):
    """Deficit at the end of a month, see `moisture.Bucket.next`.

    Every comparison with NaN is false: the choices are made so that it falls through to the result. A missing cover is
    left to the cover modifier, which makes the month's rate NaN and with it all pools from there on.
    """
    filled = deficit + surplus
    filled = 0.0 if filled > 0.0 else filled
    bare = _BARE_SHARE * limit
    dried = bare if bare < deficit else deficit
    floor = limit if cover >= _COVERED_FROM else dried
    return floor if filled < floor else filled


@compiled(inline="always")
def slowed_by_drought(slope, deficit):
    """The moisture modifier b of a deficit within its limit, see `moisture.slowed_by_drought`."""
    b = _DROUGHT_START - deficit * slope
    return 1.0 if b > 1.0 else b


@compiled(inline="always")
def dry_or_fill(limit, deficit, surplus, cover):
    """One month of the bucket in a block; rows (BLOCK,)."""
    for j in range(BLOCK):
        deficit[j] = next_deficit(limit[j], deficit[j], surplus[j], cover[j])


@compiled(inline="always")
def _narrow(room, limit, deficit, cover):
    """How far the cycle can sink before this month meets another limit, see `moisture.Bucket.room`."""
    for j in range(BLOCK):
        bare = _BARE_SHARE * limit[j]
        still_drying = cover[j] < _COVERED_FROM and deficit[j] >= bare
        left = deficit[j] - (bare if still_drying else limit[j])
        room[j] = left if left < room[j] else room[j]


@compiled(inline="always")
def _leap(start, before, deficit, room):
    """Set where the next cycle starts; return whether any bucket still moved."""
    moving = False
    for j in range(BLOCK):
        drift = deficit[j] - start[j]
        moves = abs(drift) > REPEATS_WITHIN
        cycles = 0.0
        if abs(drift - before[j]) <= REPEATS_WITHIN and drift < -REPEATS_WITHIN:
            cycles = np.floor(room[j] / -drift)
        if moves:  # a bucket at rest stays as it is, however long its neighbours take
            start[j] = deficit[j] + cycles * drift
        before[j] = drift
        moving |= moves
    return moving
