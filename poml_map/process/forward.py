"""RothC forward in time, on given monthly inputs."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from poml_map.process.blocks import by_site
from poml_map.process.columns import Columns, at_each_depth, cover, evaporation
from poml_map.process.inputs import Inputs, given, one_of, start_of
from poml_map.process.quantities import ACTIVE, POOLS
from poml_map.process.results import DTYPES, finished
from poml_map.rothc import (
    Options,
    cover_modifier,
    michaelis_menten,
    moisture_deficit,
    moisture_modifier,
    temperature_modifier,
)
from poml_map.rothc.engine import Run
from poml_map.rothc.pools import breathe

#: How often pools are kept -> months between.
EVERY = {"month": 1, "year": 12}
MODIFIERS = ("a", "b", "c", "mu")


def simulate_rothc(
    data: xr.Dataset,
    start: xr.Dataset | xr.DataArray,
    *,
    mu_max: float | xr.DataArray = 1.0,
    k_m: float | xr.DataArray = 0.0,
    options: Options | None = None,
    every: str = "month",
    modifiers: bool = False,
    gaps: str = "refuse",
    dtype: str = "float64",
) -> xr.Dataset:
    """Run RothC over the months of a Dataset, from given pools and with given inputs.

    Parameters
    ----------
    data : xarray.Dataset
        Dimension ``time``: dates of consecutive months. Any others: none (one site), ``site``, ``(y, x)``.
        A variable without ``time`` holds in every month; one with ``month`` (January to December) in every year.
        The attribute ``units`` of a variable says what it is in, and it is converted; without it, it is in

        - ``air_temp`` [degC], ``precip`` [mm/month]
        - ``pet`` [mm/month], or ``pan_evaporation`` [mm/month], of which the soil loses 0.75
        - ``cover`` 0 to 1, or ``ndvi``, from which `options` make it [1]
        - ``c_input``: plant carbon [kg/m2/month]
        - ``manure``: its carbon, if any [kg/m2/month]
        - ``rate_factor``: further factor on decay, if any, for example below 1 in flooded months [1]
        - ``clay`` [%], ``depth`` [cm] and ``dpm_rpm`` [1]; the last two by default as in `options`
    start : xarray.Dataset or xarray.DataArray
        DPM, RPM, BIO, HUM, IOM [kg/m2] and the water deficit [mm] (0 if not given) before the first month: from
        `equilibrium_rothc`, one time of an earlier result, or a DataArray with a dimension ``pool``.
    mu_max, k_m : float or DataArray
        Parameters of the microbial factor mu; 1 and 0 are plain RothC. A dimension of its own, such as
        ``parameter``, runs several sets side by side. [1], [kg/m2]
    options : Options, optional
        Its depth, DPM/RPM ratio and rule of cover from NDVI count here.
    every : {"month", "year"}
        Keep every month, or every 12th from the start (months are then a multiple of 12).
    modifiers : bool
        Also keep the factors on decay: a (temperature), b (moisture), c (cover), mu. They are those of the month kept.
    gaps : {"refuse", "nan"}
        A series that lacks some of its months is refused, or its place is NaN from there on.
    dtype : {"float64", "float32"}
        Of the result; it is computed in float64.

    Returns
    -------
    xarray.Dataset
        DPM, RPM, BIO, HUM, IOM, ``stock`` (their sum) and ``deficit`` at the end of each month kept, and ``co2``
        respired since the one before. [kg/m2], [mm] Time first. Lazy where `data` is: `time` then goes into
        one chunk, and the places keep theirs. A place where something is missing is NaN, no other is.

    Raises
    ------
    InputError
        If a variable is missing, a month is missing or out of order, a unit cannot be read, a value is physically
        impossible, or places differ. In lazy variables values are looked at when they are computed.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; Zhang et al. (2024), Eq. 2-5.

    Examples
    --------
    >>> import numpy as np, pandas as pd, xarray as xr
    >>> data = xr.Dataset(
    ...     {
    ...         "air_temp": ("time", np.full(24, 283.15), {"units": "K"}),
    ...         "precip": ("time", np.full(24, 2.0), {"units": "mm/day"}),
    ...         "pet": 50.0,
    ...         "cover": 1.0,
    ...         "c_input": ((), 4.8, {"units": "t/ha/year"}),
    ...         "clay": ((), 234.0, {"units": "g/kg"}),
    ...     },
    ...     coords={"time": pd.date_range("2001-01", periods=24, freq="MS")},
    ... )
    >>> start = xr.Dataset({"DPM": 0.02, "RPM": 0.6, "BIO": 0.1, "HUM": 4.0, "IOM": 0.4})
    >>> result = simulate_rothc(data, start, every="year")
    >>> result.stock.values.round(3), result.stock.units
    (array([5.236, 5.311]), 'kg/m2')
    """
    one_of("every", every, EVERY)
    one_of("dtype", dtype, DTYPES)
    options = options or Options()
    inputs = Inputs(data, gaps)
    inputs.require_dates(multiple_of=EVERY[every])
    inputs.weather()
    inputs.monthly("c_input")
    inputs.monthly("manure", optional=True)
    inputs.monthly("rate_factor", default=1.0)
    inputs.soil(options)
    inputs.problems.raise_if_any()
    arguments = (
        inputs.values | start_of(start) | {"mu_max": given("mu_max", mu_max), "k_m": given("k_m", k_m)}
    )
    kept = data["time"][EVERY[every] - 1 :: EVERY[every]]
    names = [*POOLS, "stock", "co2", "deficit", *(MODIFIERS if modifiers else ())]
    result = by_site(
        partial(at_each_depth, partial(_march, options=options, months=EVERY[every])),
        arguments,
        outputs=dict.fromkeys(names, "_kept"),
        lengths={"time": len(inputs.months), "_kept": len(kept)},
        dtype=dtype,
    )
    return finished(result.rename(_kept="time").assign_coords(time=kept), data)


def _march(columns: Columns, depth_cm: float, *, options: Options, months: int) -> Columns:
    """Pools, deficit, CO2 and modifiers after every so many `months`, each (kept, n)."""
    soil = columns["clay"], depth_cm
    covered = cover(columns, options)
    deficit = moisture_deficit(
        columns["precip"], evaporation(columns), *soil, covered, initial=columns["deficit"]
    )
    factors = {
        "a": temperature_modifier(columns["air_temp"]),
        "b": moisture_modifier(deficit, *soil),
        "c": cover_modifier(covered),
    }
    rate = factors["a"] * factors["b"] * factors["c"] * columns["rate_factor"]
    run = Run(
        [columns[name] for name in ACTIVE],
        rate,
        columns["c_input"],
        columns["clay"],
        dpm_rpm=columns["dpm_rpm"],
        manure=columns.get("manure"),
        mu_max=columns["mu_max"],
        k_m=columns["k_m"],
    )
    kept = slice(months - 1, None, months)
    results = _recorded(run, columns, months) | {"deficit": deficit[kept]}
    return results | {name: values[kept] for name, values in factors.items()}


def _recorded(run: Run, columns: Columns, months: int) -> Columns:
    """What the pools are, and what they respired, after every so many months."""
    size = (run.months // months, *run.shape)
    results = {name: np.empty(size) for name in (*POOLS, "stock", "co2", "mu")}
    results["IOM"][...] = columns["IOM"]
    bio, respired = columns["BIO"], np.zeros(run.shape)
    for done, (state, in_month) in enumerate(breathe(run), start=1):
        respired += in_month
        if done % months == 0:
            at = done // months - 1
            for name, pool in zip(ACTIVE, state, strict=True):
                results[name][at] = pool
            results["stock"][at] = state.sum(axis=0) + columns["IOM"]
            results["co2"][at] = respired
            results["mu"][at] = michaelis_menten(bio, run.mu_max, run.k_m)
            respired[...] = 0.0
        bio = state[2].copy()
    return results
