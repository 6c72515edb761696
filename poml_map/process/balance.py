"""The state that RothC settles in when the same weather comes again and again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from poml_map.process.blocks import by_site
from poml_map.process.columns import Columns, at_each_depth, cover_rule, drivers
from poml_map.process.inputs import Inputs, given, one_of
from poml_map.process.quantities import ACTIVE, POOLS
from poml_map.process.results import DTYPES, finished
from poml_map.rothc import Options, StartState, derive, equilibrium, periodic_deficit, prepare, start_state
from poml_map.rothc.params import MONTHS_PER_YEAR


def equilibrium_rothc(
    data: xr.Dataset,
    stock: float | xr.DataArray | None = None,
    *,
    options: Options | None = None,
    gaps: str = "refuse",
    dtype: str = "float64",
) -> xr.Dataset:
    """Pools after the same months have come for ever: the start of `simulate_rothc`.

    Solved, not iterated; the soil water comes round too. The microbial factor mu is 1 here.

    Parameters
    ----------
    data : xarray.Dataset
        Variables and units as in `simulate_rothc`, over ``month`` (a mean January to December) or over ``time`` (whole
        years from January). `options.spinup` says whether years are averaged by calendar month (the default) or come
        as they were, in a cycle. ``rate_factor`` may differ by ``month``, not by ``time``. Without
        `stock`: ``c_input``, and ``IOM`` [kg/m2]. With `stock`: ``IOM`` if it is known, else 0.049 stock^1.139.
    stock : float or DataArray, optional
        Observed stock that the pools sum to: the yearly plant input is then solved, and comes in the months that
        `options.input_months` says; ``c_input`` does not count. [kg/m2]
    options : Options, optional
        All of it but `manure_months` counts.
    gaps : {"refuse", "nan"}
        A series that lacks some of its months is refused, or its place is NaN.
    dtype : {"float64", "float32"}
        Of the result; it is computed in float64.

    Returns
    -------
    xarray.Dataset
        DPM, RPM, BIO, HUM, IOM, ``stock`` (their sum) and ``deficit`` at the end of `options.sampling_month` (of the
        last year of a cycle), and ``annual_input``. [kg/m2], [mm], [kg/m2/year] A place where something is missing
        is NaN. Lazy where `data` is.

    Raises
    ------
    InputError
        As `simulate_rothc`, or if a stock is not above its inert carbon, or a place is frozen all year.

    References
    ----------
    Zhang et al. (2024), section 2.2, Eq. 6 and 7.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> warm = 9 - 8 * np.cos(np.arange(12) * np.pi / 6)
    >>> data = xr.Dataset(
    ...     {"air_temp": ("month", warm), "precip": 60.0, "pet": ("month", 6 * warm), "cover": 1.0, "clay": 23.4}
    ... )
    >>> state = equilibrium_rothc(data, stock=4.94)
    >>> state.HUM.round(3).item(), state.annual_input.round(3).item(), state.annual_input.units
    (3.723, 0.15, 'kg/m2/year')
    """
    one_of("dtype", dtype, DTYPES)
    options = options or Options()
    inputs = Inputs(data, gaps)
    inputs.require_cycle(options)
    inputs.weather()
    inputs.monthly("manure", optional=True)
    inputs.by_month("rate_factor", default=1.0)
    inputs.soil(options)
    inputs.static("IOM", optional=stock is not None)
    if stock is None:
        inputs.monthly("c_input")
    inputs.problems.raise_if_any()
    observed = {} if stock is None else {"observed": given("stock", stock, "observed")}
    result = by_site(
        partial(at_each_depth, partial(_settled, options=cover_rule(options, "cover" in inputs.values))),
        inputs.values | observed,
        outputs=dict.fromkeys([*POOLS, "stock", "deficit", "annual_input"]),
        lengths={inputs.months.dim: len(inputs.months), "month": MONTHS_PER_YEAR},
        dtype=dtype,
    )
    return finished(result, data)


def _settled(columns: Columns, depth_cm: float, *, options: Options) -> Columns:
    """The state of each site at the end of the sampling month."""
    cycle = drivers(columns)
    one_year = {name: values[:MONTHS_PER_YEAR] for name, values in cycle.items()}
    others = {"dpm_rpm": columns["dpm_rpm"], "rate_factor": columns["rate_factor"]}
    options = replace(options, depth_cm=depth_cm)
    # A run of one year ends where it begins: only its spin-up is asked for.
    prepared = prepare(one_year, cycle, columns["clay"], np.ones((1, 1)), options, **others)
    spun_up, forcing = prepared.spinup, derive(prepared)
    water = spun_up.precip, spun_up.evaporation, columns["clay"], depth_cm, spun_up.cover
    inputs = {
        name: _in_run_order(columns[name], options) for name in ("c_input", "manure") if name in columns
    }
    pools, iom, annual_input = _pools(columns, forcing, inputs, options)
    return dict(zip(ACTIVE, pools, strict=True)) | {
        "IOM": iom,
        "stock": pools.sum(axis=0) + iom,
        "deficit": periodic_deficit(*water)[-1],
        "annual_input": annual_input,
    }


def _pools(columns, forcing, inputs, options) -> StartState:
    soil = columns["clay"]
    given = {"dpm_rpm": columns["dpm_rpm"], "manure": inputs.get("manure")}
    if "observed" in columns:
        given |= {"iom": columns.get("IOM"), "pools": options.pools}
        return start_state(columns["observed"], forcing.spinup_rate, forcing.spinup_shares, soil, **given)
    pools = equilibrium(forcing.spinup_rate, inputs["c_input"], soil, **given)
    yearly = inputs["c_input"].sum(axis=0) / (len(inputs["c_input"]) / MONTHS_PER_YEAR)
    return StartState(pools, columns["IOM"], yearly)


def _in_run_order(values, options):
    """Months from January, averaged over years if the weather is, as a series that ends with the sampling month."""
    if options.spinup == "mean_months":
        values = values.reshape(-1, MONTHS_PER_YEAR, *values.shape[1:]).mean(axis=0)
    return np.roll(values, MONTHS_PER_YEAR - options.sampling_month, axis=0)
