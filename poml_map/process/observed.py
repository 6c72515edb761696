"""RothC from an observed stock on: a spin-up that leads to it, and the years after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr

from poml_map.errors import InputError, Problem
from poml_map.process.blocks import by_site
from poml_map.process.columns import Columns, at_each_depth, cover_rule, drivers
from poml_map.process.inputs import Inputs, given, one_of
from poml_map.process.quantities import POOLS
from poml_map.process.results import DTYPES, finished
from poml_map.rothc import Options, prepare
from poml_map.rothc.forward import ENGINES, run_drivers
from poml_map.rothc.params import MONTHS_PER_YEAR

#: What a run may keep beside the stocks -> the variables that it is.
KEEP = {"pools": POOLS, "co2": ("co2",)}
_EXTRAS = {"pools": "pools", "co2": "respired"}  # as `run_drivers` calls them
_CYCLE = "_cycle"
_OF_SPINUP = "spin-up "
_SUFFIX = "_spinup"


def run_rothc(
    data: xr.Dataset,
    stock: float | xr.DataArray,
    *,
    spinup: tuple[int, int] | xr.Dataset | None = None,
    years: tuple[int, int] | None = None,
    mu_max: float | xr.DataArray = 1.0,
    k_m: float | xr.DataArray = 0.0,
    options: Options | None = None,
    keep: Sequence[str] = (),
    engine: str = "fast",
    gaps: str = "refuse",
    dtype: str = "float64",
) -> xr.Dataset:
    """Yearly stocks of RothC from an observed stock on.

    The spin-up months are taken to have come for ever; the yearly plant input that holds the observed stock in them is
    solved, and follows ``input_driver`` from then on. So do maps and sites of a region: this is the same model.

    Parameters
    ----------
    data : xarray.Dataset
        ``time`` of whole years from January, any other dimensions, and the variables of `simulate_rothc` with these
        differences:

        - no ``c_input``: the input follows ``input_driver`` over ``year`` (any unit; only ratios to the first year
          count), or is the same in all years without one
        - ``manure``: carbon of a year, over ``year`` or the same in all [kg/m2/year]
        - ``rate_factor``: over ``month`` (January to December) or the same in all months [1]
    stock : float or DataArray
        Observed at the end of `options.sampling_month` of the first year. [kg/m2]
    spinup : tuple of 2 int, or Dataset, optional
        First and last year of `data` that spin RothC up; or their weather, over ``time`` or ``month`` (a mean January
        to December). By default the variables ``air_temp_spinup`` and so on of `data`, as `open_cube` gives them.
    years : tuple of 2 int, optional
        First and last year of the run. By default those of the dimension ``year``; without it all of `data` after the
        spin-up years named.
    mu_max, k_m : float or DataArray
        Parameters of the microbial factor mu after the first stock; 1 and 0 are plain RothC. [1], [kg/m2]
    options : Options, optional
    keep : sequence of {"pools", "co2"}
        What to keep of each year beside its stock.
    engine : {"fast", "plain"}
        Compiled, or the readable functions of numpy: they agree to 1e-9 relative.
    gaps : {"refuse", "nan"}
        A series that lacks some of its months is refused, or its place is NaN from there on.
    dtype : {"float64", "float32"}
        Of the result; it is computed in float64.

    Returns
    -------
    xarray.Dataset
        ``stock`` (year, ...), the observed one first [kg/m2]; ``annual_input`` [kg/m2/year]; ``added`` and
        ``respired`` over the whole run [kg/m2]. On demand DPM, RPM, BIO, HUM and IOM of each year, and ``co2`` since
        the year before (NaN in the first). A place where something is missing is NaN. Lazy where `data` is.

    Raises
    ------
    InputError
        As `simulate_rothc`, or if years are missing, a stock is not above 0, the driver is 0 in the first year, or a
        place is frozen all year.

    References
    ----------
    Zhang et al. (2024), section 2.2, Eq. 2-7.

    Examples
    --------
    >>> import numpy as np, pandas as pd, xarray as xr
    >>> time = pd.date_range("1960-01", "1983-12", freq="MS")
    >>> warm = 9 - 8 * np.cos((time.month - 1) * np.pi / 6).to_numpy()
    >>> data = xr.Dataset(
    ...     {"air_temp": ("time", warm), "precip": 60.0, "pet": ("time", 6 * warm), "ndvi": 0.6, "clay": 23.4},
    ...     coords={"time": time},
    ... ).assign(input_driver=("year", [100.0, 110.0, 120.0, 130.0]), year=[1980, 1981, 1982, 1983])
    >>> result = run_rothc(data, stock=4.94, spinup=(1960, 1979))
    >>> result.stock.round(3).values, result.year.values
    (array([4.94 , 4.951, 4.969, 4.994]), array([1980, 1981, 1982, 1983]))
    """
    keep = (keep,) if isinstance(keep, str) else tuple(keep)
    one_of("dtype", dtype, DTYPES)
    one_of("engine", engine, ENGINES)
    for word in keep:
        one_of("keep", word, KEEP)
    options = options or Options()
    Inputs(data, gaps).require_dates()
    run = Inputs(_run_of(data, spinup, years), gaps)
    before = Inputs(_spinup_of(data, spinup), gaps, shown="spinup")
    _take(run, before, options)
    observed = {"observed": given("stock", stock, "observed")}
    parameters = {"mu_max": given("mu_max", mu_max), "k_m": given("k_m", k_m)}
    of_spinup = {_OF_SPINUP + name: _on_cycle(values) for name, values in before.values.items()}
    years_run = list(run.months.years)
    rule = cover_rule(options, "cover" in run.values)
    result = by_site(
        partial(at_each_depth, partial(_course, options=rule, engine=engine, keep=keep)),
        run.values | of_spinup | observed | parameters,
        outputs=dict.fromkeys(["stock", *(name for word in keep for name in KEEP[word])], "year")
        | dict.fromkeys(["annual_input", "added", "respired"]),
        lengths={
            "time": len(run.months),
            _CYCLE: len(before.months),
            "month": MONTHS_PER_YEAR,
            "year": len(years_run),
        },
        dtype=dtype,
    )
    return finished(result.assign_coords(year=years_run), data)


def _take(run: Inputs, before: Inputs, options: Options) -> None:
    """Take every variable of the run and of the spin-up; all problems together."""
    run.months.require_years()
    before.require_cycle(options)
    run.weather()
    before.weather()
    run.annual("input_driver", run.months.years, default=1.0)
    run.annual("manure", run.months.years, kind="yearly_manure")
    run.by_month("rate_factor", default=1.0)
    run.soil(options)
    if ("cover" in run.data) != ("cover" in before.data):
        found = "cover in one, NDVI in the other"
        run.problems.add("data and spinup", "cover", found, "cover in both or NDVI in both")
    run.problems.extend(before.problems)
    run.problems.raise_if_any()


def _on_cycle(values: xr.DataArray) -> xr.DataArray:
    """Months of the spin-up on a dimension of their own: they are not those of the run."""
    return values.rename(time=_CYCLE) if "time" in values.dims else values


def _course(
    columns: Columns, depth_cm: float, *, options: Options, engine: str, keep: tuple[str, ...]
) -> Columns:
    """What `run_drivers` makes of n sites, by name."""
    of_spinup = {
        name.removeprefix(_OF_SPINUP): values
        for name, values in columns.items()
        if name.startswith(_OF_SPINUP)
    }
    prepared = prepare(
        drivers(columns),
        drivers(of_spinup),
        columns["clay"],
        columns["input_driver"],
        replace(options, depth_cm=depth_cm),
        dpm_rpm=columns["dpm_rpm"],
        rate_factor=columns["rate_factor"],
        manure=columns.get("manure"),
    )
    extras = [_EXTRAS[word] for word in keep]
    parameters = columns["mu_max"], columns["k_m"]
    course = run_drivers(prepared, columns["observed"], *parameters, engine=engine, keep=extras)
    results = {
        "stock": course.stock,
        "annual_input": course.annual_input,
        "added": course.added,
        "respired": course.respired,
    }
    if course.pools is not None:
        results |= {name: course.pools[:, pool] for pool, name in enumerate(POOLS)}
    if course.yearly_respired is not None:
        results["co2"] = np.concatenate([np.full_like(course.stock[:1], np.nan), course.yearly_respired])
    return results


def _run_of(data, spinup, years) -> xr.Dataset:
    """The months of the run."""
    if years is None and "year" in data.dims:
        known = data.get_index("year")
        years = int(known[0]), int(known[-1])
    elif years is None and isinstance(spinup, tuple):
        years = spinup[1] + 1, int(data.indexes["time"].year[-1])
    return data if years is None else _years(data, years, "years")


def _spinup_of(data, spinup) -> xr.Dataset:
    """The weather that spins RothC up, named as that of the run."""
    if isinstance(spinup, xr.Dataset):
        return spinup
    if spinup is not None:
        return _years(data, spinup, "spinup")
    names = {name: name.removesuffix(_SUFFIX) for name in map(str, data.data_vars) if name.endswith(_SUFFIX)}
    if not names:
        mend = "Name years of the data, such as spinup=(1960, 1979), or give a Dataset."
        raise InputError(Problem("arguments", "spinup", "nothing", "what spins RothC up", mend))
    known = data[list(names)].rename(names)
    return known.rename(spinup_time="time") if "spinup_time" in known.dims else known


def _years(data, years, name) -> xr.Dataset:
    """Some years of a Dataset, whole."""
    found = np.asarray(data.indexes["time"].year)
    first, last = years
    if not first <= last or not {first, last} <= set(found.tolist()):
        expected = f"FIRST, LAST within {found[0]}-{found[-1]}, the years of data"
        raise InputError(
            Problem("arguments", name, f"{first}, {last}", expected, "Choose years that are there.")
        )
    return data.isel(time=(found >= first) & (found <= last))
