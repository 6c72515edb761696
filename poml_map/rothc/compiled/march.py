"""Weather, inputs and pools month by month with mu, for blocks of pixels: `rates.rate_modifier` and `engine.Run`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from poml_map.compiling import compiled

from .. import params
from ..flat import NO_INDEX
from .columns import BLOCK, read
from .decay import SERIES_UP_TO, SLOWEST_MONTHLY, correct_large, powers, stays
from .water import COVER_SLOPE, drought_slope, next_deficit, slowed_by_drought

_YEAR = params.MONTHS_PER_YEAR
_MANURE_DPM, _MANURE_RPM, _, _MANURE_HUM = params.MANURE_SPLIT

# Rows of a block's local array: pools and sums, soil and law, water, the month.
_DPM, _RPM, _BIO, _HUM, _IOM, _RESPIRED, _EARLIER = range(7)
_ALPHA, _BETA, _LOSS, _TO_DPM, _TO_RPM, _K_M, _SHIFT, _BARE_PACE, _SHADE = range(7, 16)
_LIMIT, _SLOPE, _DEFICIT = range(16, 19)
_SURPLUS, _WARMTH, _COVER, _CAME, _MANURE, _EXPONENT, _STAYS = range(19, 26)
_ROWS = 26


class Months(NamedTuple):
    """Drivers of the n pixels of a part of the map.

    warmth and surplus (months, k), see `water.spinup_rates`. [-], [mm]
    peak (months,): at least the largest warmth times factor of the month. [-]
    cell uint32 (n,) or (0,): column of warmth and surplus, see `columns.read`.
    cover (months, n). [1]
    factor (months, n) on rates that is not in warmth, or (0, 0). [1]
    relative (months, z): plant input over the annual one. [1]
    zone uint32 (n,) or (0,): column of relative.
    manure (months, n), (months, 1) or, for none, (0, 0). [kg/m2]
    """

    warmth: np.ndarray
    peak: np.ndarray
    surplus: np.ndarray
    cell: np.ndarray
    cover: np.ndarray
    factor: np.ndarray
    relative: np.ndarray
    zone: np.ndarray
    manure: np.ndarray


class Site(NamedTuple):
    """Constants and starts of all pixels, ndarray (all,) and pools (5, all) with IOM last.

    limit and deficit [mm], alpha, beta, dpm_share, mu_max [1], k_m and pools [kg/m2], annual_input [kg/m2/year].
    """

    limit: np.ndarray
    deficit: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    dpm_share: np.ndarray
    mu_max: np.ndarray
    k_m: np.ndarray
    annual_input: np.ndarray
    pools: np.ndarray


class Record(NamedTuple):
    """What a run fills for all pixels, in kg/m2.

    stock (years + 1, all) and respired (all,); pools (years + 1, 5, all) and yearly_respired (years, all), or (0, ...)
    where they are not wanted.
    """

    stock: np.ndarray
    respired: np.ndarray
    pools: np.ndarray
    yearly_respired: np.ndarray


@compiled
def march(first, size, months, site, record):
    """Run the pools over all months and record them at the start and after every 12.

    Parameters
    ----------
    first, size : int
        The part of the pixels of `site` and `record` that `months` is about.
    months : Months
    site : Site
    record : Record
    """
    block = np.empty((_ROWS, BLOCK))
    for low in range(0, size, BLOCK):
        width = min(BLOCK, size - low)
        _load(block, site, first + low, width)
        fastest = 0.0
        for j in range(width):
            fastest = max(fastest, block[_BARE_PACE, j])
        _write(block, record, 0, first + low, width)
        for month in range(len(months.cover)):
            _read_month(block, months, month, low, width)
            _weather(block, _cover_of(block, months.cover[month], low, width))
            if months.factor.size > 0:
                _scale(block, months.factor[month], low, width)
            _set_stays(block)
            # Drought, cover and BIO only make decay slower than this.
            if months.peak[month] * fastest > SERIES_UP_TO:
                correct_large(block[_EXPONENT], block[_STAYS])
            _step(block)
            if months.manure.size > 0:
                read(months.manure[month], NO_INDEX, low, width, block[_MANURE])
                _spread(block)
            if (month + 1) % _YEAR == 0:
                _write(block, record, (month + 1) // _YEAR, first + low, width)
        record.respired[first + low : first + low + width] = block[_RESPIRED, :width]


@compiled
def _load(block, site, first, width):
    block[:] = 0.0
    for j in range(width):
        i = first + j
        for pool in range(5):
            block[pool, j] = site.pools[pool, i]
        block[_ALPHA, j] = site.alpha[i]
        block[_BETA, j] = site.beta[i]
        block[_TO_DPM, j] = site.annual_input[i] * site.dpm_share[i]
        block[_TO_RPM, j] = site.annual_input[i] * (1.0 - site.dpm_share[i])
        block[_LOSS, j] = 1.0 - site.alpha[i] - site.beta[i]
        block[_BARE_PACE, j] = site.mu_max[i] * SLOWEST_MONTHLY
        block[_SHADE, j] = COVER_SLOPE * block[_BARE_PACE, j]
        block[_K_M, j] = site.k_m[i]
        # With K_m = 0, (BIO + 1) / (BIO + 1 + 0) is exactly 1, also at BIO = 0; elsewhere nothing is added.
        block[_SHIFT, j] = 1.0 if site.k_m[i] == 0.0 else 0.0
        block[_LIMIT, j] = site.limit[i]
        block[_SLOPE, j] = drought_slope(site.limit[i])
        block[_DEFICIT, j] = site.deficit[i]


@compiled(inline="always")
def _read_month(block, months, month, low, width):
    surplus, warmth, came = block[_SURPLUS], block[_WARMTH], block[_CAME]
    if months.cell.size > 0 and months.zone.size > 0:  # maps: three columns in one go
        of_cells, of_zones = months.cell, months.zone
        for j in range(width):
            cell = of_cells[low + j]
            surplus[j] = months.surplus[month, cell]
            warmth[j] = months.warmth[month, cell]
            came[j] = months.relative[month, of_zones[low + j]]
    else:
        read(months.surplus[month], months.cell, low, width, surplus)
        read(months.warmth[month], months.cell, low, width, warmth)
        read(months.relative[month], months.zone, low, width, came)


@compiled(inline="always")
def _cover_of(block, cover, low, width):
    """Cover of a whole block, which is read where it lies: copying it would take as long as the bucket."""
    if width == BLOCK:
        return cover[low : low + BLOCK]
    block[_COVER, :width] = cover[low : low + width]
    return block[_COVER]


@compiled(inline="always")
def _weather(block, cover):
    """The bucket, and the exponent of HUM for mu = mu_max."""
    limit, slope, deficit = block[_LIMIT], block[_SLOPE], block[_DEFICIT]
    bare_pace, shade = block[_BARE_PACE], block[_SHADE]
    surplus, warmth, exponent = block[_SURPLUS], block[_WARMTH], block[_EXPONENT]
    for j in range(BLOCK):
        deficit[j] = next_deficit(limit[j], deficit[j], surplus[j], cover[j])
        wet = slowed_by_drought(slope[j], deficit[j])
        exponent[j] = warmth[j] * wet * (bare_pace[j] - shade[j] * cover[j])


@compiled
def _scale(block, factor, low, width):
    """The further factor on rates where each pixel has its own."""
    for j in range(width):
        block[_EXPONENT, j] *= factor[low + j]


@compiled(inline="always")
def _set_stays(block):
    """With mu: what stays of HUM in the month."""
    bio, k_m, shift, exponent = block[_BIO], block[_K_M], block[_SHIFT], block[_EXPONENT]
    hum_stays = block[_STAYS]
    for j in range(BLOCK):
        shifted = bio[j] + shift[j]
        exponent[j] *= shifted / (shifted + k_m[j])
        hum_stays[j] = stays(exponent[j])


@compiled(inline="always")
def _step(block):
    """Decay of all pools from their values at the month's start, then the input of plants."""
    dpm, rpm, bio, hum, hum_stays = block[_DPM], block[_RPM], block[_BIO], block[_HUM], block[_STAYS]
    alpha, beta, loss, respired = block[_ALPHA], block[_BETA], block[_LOSS], block[_RESPIRED]
    came, to_dpm, to_rpm = block[_CAME], block[_TO_DPM], block[_TO_RPM]
    for j in range(BLOCK):
        dpm_stays, rpm_stays, bio_stays = powers(hum_stays[j])
        before = dpm[j] + rpm[j] + bio[j] + hum[j]
        dpm_left, rpm_left = dpm[j] * dpm_stays, rpm[j] * rpm_stays
        bio_left, hum_left = bio[j] * bio_stays, hum[j] * hum_stays[j]
        lost = before - (dpm_left + rpm_left + bio_left + hum_left)
        dpm[j] = dpm_left + came[j] * to_dpm[j]
        rpm[j] = rpm_left + came[j] * to_rpm[j]
        bio[j] = bio_left + alpha[j] * lost
        hum[j] = hum_left + beta[j] * lost
        respired[j] += loss[j] * lost


@compiled
def _spread(block):
    """Manure of the month."""
    for j in range(BLOCK):
        block[_DPM, j] += _MANURE_DPM * block[_MANURE, j]
        block[_RPM, j] += _MANURE_RPM * block[_MANURE, j]
        block[_HUM, j] += _MANURE_HUM * block[_MANURE, j]


@compiled
def _write(block, record, year, first, width):
    for j in range(width):
        active = block[_DPM, j] + block[_RPM, j] + block[_BIO, j] + block[_HUM, j]
        record.stock[year, first + j] = active + block[_IOM, j]
    if len(record.pools) > 0:
        for pool in range(5):
            for j in range(width):
                record.pools[year, pool, first + j] = block[pool, j]
    if len(record.yearly_respired) > 0 and year > 0:
        for j in range(width):
            record.yearly_respired[year - 1, first + j] = block[_RESPIRED, j] - block[_EARLIER, j]
            block[_EARLIER, j] = block[_RESPIRED, j]
