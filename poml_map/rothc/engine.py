"""The monthly step of RothC, written for speed: many sites, months and parameter sets at once.

The public face is `pools`; this module holds what `pools`, `spinup` and `calibrate` share.
"""

from __future__ import annotations

import numpy as np

from . import checks, params

# One exponential serves all pools: x = exp(-0.02 m / 12) is the share of HUM that stays, and the other rates
# are 15, 33 and 500 times as large. The powers are multiplied up: within 1e-13 of four exponentials, and up
# to twice as fast (where numpy has no vectorised exp).
_SLOWEST_MONTHLY = params.DECAY_RATES[3] / params.MONTHS_PER_YEAR


def humification(clay):
    """Shares of decayed carbon that become microbial biomass (alpha) and humus (beta); the rest is CO2.

    Parameters
    ----------
    clay : array_like, any shape
        Clay content. NaN stays NaN. [%]

    Returns
    -------
    alpha, beta : ndarray of float, shape of `clay` [-]

    Raises
    ------
    ValueError
        If `clay` is not a percentage.

    References
    ----------
    Coleman & Jenkinson (1996); alpha and beta of matrix A in Zhang et al. (2024), Eq. 3.

    Examples
    --------
    >>> alpha, beta = humification(23.4)
    >>> round(float(alpha), 6), round(float(beta), 6)
    (0.101901, 0.119623)
    """
    return partition(checks.percent_clay(clay))


def partition(clay):
    """`humification` of clay that was checked before."""
    exponent = params.RESPIRATION_CLAY * clay
    co2_ratio = params.RESPIRATION_FACTOR * (
        params.RESPIRATION_CONSTANT + params.RESPIRATION_SLOPE * np.exp(exponent)
    )
    return params.BIO_SHARE / (co2_ratio + 1.0), params.HUM_SHARE / (co2_ratio + 1.0)


def michaelis_menten(bio, mu_max, k_m):
    """Factor mu that microbial biomass puts on all decay rates.

    Parameters
    ----------
    bio : array_like
        BIO pool at the start of the month. NaN stays NaN. [kg/m2]
    mu_max : array_like
        Value that mu approaches with much biomass. [-]
    k_m : array_like
        Biomass at which mu is half of `mu_max`; 0 means ``mu = mu_max`` for any biomass. [kg/m2]

    Returns
    -------
    ndarray of float
        ``mu_max * bio / (k_m + bio)``; 0 where `bio` is 0 and `k_m` is not. [-]

    Raises
    ------
    ValueError
        If an argument is negative or infinite.

    References
    ----------
    Zhang et al. (2024), Eq. 5.

    Examples
    --------
    >>> michaelis_menten([0.0, 0.05, 0.2], mu_max=1.5, k_m=0.05)
    array([0.  , 0.75, 1.2 ])
    >>> michaelis_menten([0.0, 0.05], mu_max=1.5, k_m=0.0)
    array([1.5, 1.5])
    """
    bio = checks.not_negative("bio", bio, "kg/m2")
    mu_max, k_m = mu_parameters(mu_max, k_m)
    shifted = bio + (k_m == 0)
    return mu_max * (shifted / (shifted + k_m))


def mu_parameters(mu_max, k_m):
    """`mu_max` [-] and `k_m` [kg/m2] as float64, refused if negative, infinite or missing."""
    mu_max, k_m = checks.not_negative("mu_max", mu_max, "1"), checks.not_negative("k_m", k_m, "kg/m2")
    for name, values in (("mu_max", mu_max), ("k_m", k_m)):
        checks.refuse(name, values, np.isnan(values), "a number", "give a value; 1 and 0 mean plain RothC")
    return mu_max, k_m


class Run:
    """A checked forward run: the arguments of `simulate` as arrays that fit together."""

    def __init__(self, start, rate, c_input, clay, *, dpm_rpm, manure, mu_max, k_m):
        self.start = checks.pool_array("start", start)
        self.rate = checks.not_negative("rate", rate, "1")
        self.c_input = checks.not_negative("c_input", c_input, "kg/m2")
        self.manure = None if manure is None else checks.not_negative("manure", manure, "kg/m2")
        self.months = checks.same_months(rate=self.rate, c_input=self.c_input, manure=self.manure)
        self.alpha, self.beta = humification(clay)
        ratio = checks.not_negative("dpm_rpm", dpm_rpm, "1")
        self.dpm_share = ratio / (1.0 + ratio)
        self.set_mu(mu_max, k_m)

    def set_mu(self, mu_max, k_m):
        """Take other parameters of mu; everything else stays as it was checked."""
        self.mu_max, self.k_m = mu_parameters(mu_max, k_m)
        self.shape = checks.common_shape(
            start=self.start.shape[1:],
            rate=self.rate.shape[1:],
            c_input=self.c_input.shape[1:],
            manure=() if self.manure is None else self.manure.shape[1:],
            clay=self.alpha.shape,
            dpm_rpm=self.dpm_share.shape,
            mu_max=self.mu_max.shape,
            k_m=self.k_m.shape,
        )

    def first_state(self):
        """A fresh array (4, ...) with the start in every site and parameter set; NaN where the site lacks anything."""
        state = np.empty((4, *self.shape))
        # 0, or NaN: without it RPM would go on where DPM is missing, and DPM and RPM where the clay is.
        missing = 0.0 * (self.start.sum(axis=0) + self.alpha + self.dpm_share)
        for pool, first in zip(views(state), self.start, strict=True):
            pool[...] = first + missing
        return state

    def stocks(self, record):
        """Sum of the active pools after each number of months in `record` (len(record), ...)."""
        record = np.asarray(record)
        if record.ndim != 1 or record.size == 0 or not np.issubdtype(record.dtype, np.integer):
            raise ValueError(
                f"record is {record!r}, expected a list of whole numbers of months. Mend: e.g. [0, 12]."
            )
        bad = (record < 0) | (record > self.months)
        checks.refuse("record", record, bad, f"0 to {self.months} months", "record within the given series")
        out = np.empty((record.size, *self.shape))
        out[record == 0] = self.first_state().sum(axis=0)
        for done, state in enumerate(self.march(int(record.max())), start=1):
            wanted = record == done
            if wanted.any():
                out[wanted] = state.sum(axis=0)
        return out

    def march(self, months=None):
        """Yield the pools (4, ...) at the end of each month: one array, overwritten every month."""
        state = self.first_state()
        decay = _Decay(self, state)
        dpm, rpm, _, hum = views(state)
        for month in range(self.months if months is None else months):
            decay.apply(self.rate[month])
            dpm += self.c_input[month] * self.dpm_share
            rpm += self.c_input[month] * (1.0 - self.dpm_share)
            if self.manure is not None:
                dpm += self.manure[month] * params.MANURE_SPLIT[0]
                rpm += self.manure[month] * params.MANURE_SPLIT[1]
                hum += self.manure[month] * params.MANURE_SPLIT[3]
            yield state


def views(state):
    """The four pools as arrays that write through, also for a single site (0-d)."""
    return tuple(state[pool, ...] for pool in range(4))


class _Decay:
    """One month of decay in place, in arrays that are allocated once: new ones each month cost time."""

    def __init__(self, run, state):
        self.pools = views(state)
        self.alpha, self.beta = run.alpha, run.beta
        self.mu_max, self.k_m = run.mu_max, run.k_m
        self.mu_depends_on_bio = bool((run.k_m > 0).any())
        # With K_m = 0, (BIO + 1) / (BIO + 1 + 0) is exactly 1, also at BIO = 0; elsewhere nothing is added.
        self.shift = (run.k_m == 0).astype(np.float64)
        self.exponent, self.power, self.other, self.lost = (np.empty(run.shape) for _ in range(4))

    def apply(self, rate):
        dpm, rpm, bio, hum = self.pools
        self._set_exponent(rate, bio)
        self._sum_pools(self.lost)
        self._keep(dpm, rpm, bio, hum)
        self._sum_pools(self.other)
        np.subtract(self.lost, self.other, out=self.lost)
        bio += np.multiply(self.lost, self.alpha, out=self.other)
        hum += np.multiply(self.lost, self.beta, out=self.other)

    def _set_exponent(self, rate, bio):
        np.multiply(rate * -_SLOWEST_MONTHLY, self.mu_max, out=self.exponent)
        if self.mu_depends_on_bio:
            np.add(bio, self.shift, out=self.power)
            np.add(self.power, self.k_m, out=self.other)
            np.divide(self.power, self.other, out=self.power)
            np.multiply(self.exponent, self.power, out=self.exponent)

    def _sum_pools(self, out):
        dpm, rpm, bio, hum = self.pools
        np.add(dpm, rpm, out=out)
        np.add(out, bio, out=out)
        np.add(out, hum, out=out)

    def _keep(self, dpm, rpm, bio, hum):
        """Multiply HUM, RPM, BIO, DPM by x, x^15, x^33, x^500 with x = exp(exponent)."""
        multiply, power, five = np.multiply, self.power, self.other
        x = np.exp(self.exponent, out=self.exponent)
        hum *= x
        multiply(x, x, out=five)
        three = multiply(five, x, out=x)
        multiply(three, five, out=five)
        multiply(five, five, out=power)
        multiply(power, five, out=power)
        rpm *= power
        multiply(power, power, out=power)  # x^30
        bio *= multiply(power, three, out=three)
        multiply(power, power, out=power)
        multiply(power, power, out=power)
        multiply(power, five, out=power)  # x^125
        multiply(power, power, out=power)
        dpm *= multiply(power, power, out=power)
