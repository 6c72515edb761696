"""RothC on a cube, at the sites of samples or at any places, with what a region file says of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from poml_map.api.samples import refuse_missing, region_of, samples_and_points
from poml_map.config import Region
from poml_map.errors import InputError, Problem
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.process_choices import process_inputs, process_options
from poml_map.pipeline.site_model import build_site_model
from poml_map.process import finished, run_rothc
from poml_map.rothc import Options
from poml_map.rothc.columns import ByClass, ProcessInputs

# What the cube calls a variable -> what RothC on labelled data calls it.
_NAMES = {"CLAY": "clay"}


def simulate(
    data: xr.Dataset,
    stock: float | xr.DataArray,
    region: Region | str | Path | None = None,
    *,
    parameters: Parameters | None = None,
    mu_max: float | xr.DataArray | None = None,
    k_m: float | xr.DataArray | None = None,
    input_driver: str | None = None,
    spinup: tuple[int, int] | xr.Dataset | None = None,
    years: tuple[int, int] | None = None,
    options: Options | None = None,
    keep: Sequence[str] = (),
    engine: str = "fast",
    gaps: str = "refuse",
    dtype: str = "float64",
) -> xr.Dataset:
    """Yearly stocks of RothC from an observed stock on.

    The spin-up months are taken to have come for ever; the yearly plant input that holds the observed stock in them is
    solved, and follows the input driver from then on.

    Parameters
    ----------
    data : xarray.Dataset
        From `open_cube` or `read_samples`, or any other with a dimension ``time`` of whole years and the variables

        - ``air_temp`` [degC], ``precip`` and ``pet`` [mm/month], ``ndvi`` (or ``cover``) [1], ``CLAY`` or ``clay`` [%]
        - the months of the spin-up, as ``air_temp_spinup`` and so on, unless `spinup` names years of `data`
        - the input driver, over ``year`` or the same in all years

        The attribute ``units`` of a variable says what it is in; it is converted.
    stock : float or DataArray
        Observed stock at the end of the sampling month. [kg/m2] Without a dimension ``year`` every place starts in the
        first year; over (year, site), as ``samples["stock"]``, each site starts from its own first one, which needs a
        `region`. A place without a stock is NaN.
    region : Region, str or Path, optional
        Its ``rothc:`` section says which columns feed RothC, and with which options. Without it: `input_driver` and
        `options`.
    parameters : Parameters, optional
        From `calibrate`; by class where they were fitted apart.
    mu_max, k_m : float or DataArray, optional
        In place of `parameters`: the microbial factor after the first stock; 1 and 0, the default, are plain RothC.
        [1], [kg/m2]
    input_driver : str, optional
        Variable that the yearly plant input follows, in any unit: only ratios to the first year count. By default
        that of the region; without either ``input_driver`` of `data`, or the same input in every year.
    spinup : tuple of 2 int, or Dataset, optional
        First and last year of `data` that spin RothC up; or their weather, over ``time`` or ``month``.
    years : tuple of 2 int, optional
        First and last year of the run. By default those of the dimension ``year``.
    options : Options, optional
        In place of those of the region.
    keep : sequence of {"pools", "co2"}
        What to keep of each year beside its stock.
    engine : {"fast", "plain"}
        Compiled, or the readable functions of numpy: they agree to 1e-9 relative.
    gaps : {"refuse", "nan"}
        A series that lacks some of its months is refused, or its place is NaN.
    dtype : {"float64", "float32"}
        Of the result; it is computed in float64.

    Returns
    -------
    xarray.Dataset
        ``stock`` (year, ...), the observed one first [kg/m2]; ``annual_input`` [kg/m2/year]; ``added`` and
        ``respired`` over the whole run [kg/m2]. On demand DPM, RPM, BIO, HUM and IOM of each year, and ``co2`` since
        the year before. Lazy where `data` is. NaN before a site's first stock, and where something is missing.

    Raises
    ------
    InputError
        If a variable or year is missing, a unit cannot be read, a value is physically impossible, a stock has no
        equilibrium, or the driver is 0 where the input is scaled by it. In lazy variables values are looked at when
        they are computed.

    References
    ----------
    Coleman & Jenkinson (1996), RothC-26.3; Zhang et al. (2024), section 2.2, Eq. 2-7.

    Examples
    --------
    RothC over a cube, from a stock that is the same everywhere:

    >>> import poml_map
    >>> cube = poml_map.open_cube("demo/region.yaml")
    >>> course = poml_map.simulate(cube, 4.0, input_driver="FER", mu_max=1.2)
    >>> course["stock"].dims, course["stock"].units, course["stock"].chunks is not None
    (('year', 'y', 'x'), 'kg/m2', True)

    At sites, each from its own first campaign, as the region file says:

    >>> samples = poml_map.read_samples("demo/region.yaml")
    >>> course = poml_map.simulate(samples, samples["stock"], "demo/region.yaml")
    >>> course["stock"].dims, course["stock"].sel(year=2000).notnull().all().item()
    (('year', 'site'), True)
    """
    region = None if region is None else region_of(region)
    if parameters is not None and (mu_max is not None or k_m is not None):
        mend = "Leave out `mu_max` and `k_m`, or `parameters`."
        raise InputError(
            Problem("arguments", "parameters", "parameters and mu_max or k_m", "one of them", mend)
        )
    if isinstance(stock, xr.DataArray) and "year" in stock.dims:
        _refuse_at_sites(
            region, {"spinup": spinup, "years": years, "input_driver": input_driver, "keep": keep}
        )
        pair = _pair(data, parameters, mu_max, k_m)
        return _described(_at_sites(data, stock, region, pair, options).astype(dtype), data)
    feeds, options = _choices(region, input_driver, options)
    named = _fed(data, feeds)
    law = dict(zip(("mu_max", "k_m"), _pair(data, parameters, mu_max, k_m), strict=True))
    more = {"spinup": spinup, "years": years, "keep": keep, "engine": engine, "gaps": gaps, "dtype": dtype}
    return _described(run_rothc(named, stock, options=options, **law, **more), data)


def _choices(region, input_driver, options) -> tuple[ProcessInputs, Options | None]:
    """What feeds RothC, and its options."""
    if region is None:
        return ProcessInputs(driver=input_driver), options
    feeds = process_inputs(region)
    if input_driver is not None:
        feeds = ProcessInputs(input_driver, feeds.dpm_rpm, feeds.rate_factor, feeds.manure)
    return feeds, options or process_options(region)


def _fed(data: xr.Dataset, feeds: ProcessInputs) -> xr.Dataset:
    """The data with what feeds RothC under the names that it reads."""
    if not isinstance(data, xr.Dataset):
        raise InputError(Problem("data", "", f"a {type(data).__name__}", "an xarray.Dataset", ""))
    refuse_missing(data, feeds.columns)
    found = {ours: data[theirs] for theirs, ours in _NAMES.items() if theirs in data and ours not in data}
    if feeds.driver is not None:
        found["input_driver"] = data[feeds.driver]
    if feeds.dpm_rpm is not None:
        found["dpm_rpm"] = _by_class(data, feeds.dpm_rpm)
    if feeds.rate_factor is not None:
        found["rate_factor"] = _factors(data, feeds.rate_factor)
    if feeds.manure is not None:
        found["manure"] = data[feeds.manure]
    return data.assign(found)


def _by_class(data: xr.Dataset, ratio: str | ByClass) -> xr.DataArray:
    if not isinstance(ratio, ByClass):
        return data[ratio]
    return xr.apply_ufunc(ratio.at, data[ratio.column], dask="parallelized", output_dtypes=[float])


def _factors(data: xr.Dataset, factors: tuple[float, ...] | ByClass) -> xr.DataArray:
    """Factors of January to December, over ``month``."""
    if not isinstance(factors, ByClass):
        return xr.DataArray(list(factors), dims="month", coords={"month": range(1, 13)})
    found = xr.apply_ufunc(
        partial(_twelve, factors), data[factors.column], output_core_dims=[["month"]], dask="parallelized",
        output_dtypes=[float], dask_gufunc_kwargs={"output_sizes": {"month": 12}},
    )  # fmt: skip
    return found.assign_coords(month=range(1, 13))


def _twelve(factors: ByClass, codes: np.ndarray) -> np.ndarray:
    found = factors.at(codes)
    if found.ndim == codes.ndim:  # one number a class
        return np.repeat(found[..., np.newaxis], 12, axis=-1)
    return np.moveaxis(found, 0, -1)


def _pair(data: xr.Dataset, parameters: Parameters | None, mu_max, k_m) -> tuple:
    """mu_max and K_m: two numbers, or over the places where classes were fitted apart."""
    if parameters is None:
        return 1.0 if mu_max is None else mu_max, 0.0 if k_m is None else k_m
    if parameters.groups is None:
        return parameters.mu_max, parameters.k_m
    codes = data[parameters.groups.column]
    return xr.apply_ufunc(
        parameters.for_classes,
        codes,
        output_core_dims=[[], []],
        dask="parallelized",
        output_dtypes=[float] * 2,
    )


def _refuse_at_sites(region: Region | None, others: dict) -> None:
    """Sites start at several dates: that takes a region, and knows neither other years nor pools."""
    if region is None:
        mend = "Give `region`, or one stock a place: stock.isel(year=0)."
        raise InputError(Problem("arguments", "stock", "stocks over year without a region", "a region", mend))
    for name, value in others.items():
        if value:
            mend = "Leave it out, or give one stock a place: stock.isel(year=0)."
            found = f"{name} with stocks over (year, site)"
            raise InputError(Problem("arguments", name, found, "what the region file says", mend))


def _at_sites(data: xr.Dataset, stock: xr.DataArray, region: Region, pair: tuple, options) -> xr.Dataset:
    """Each site from its own first stock on."""
    samples, points = samples_and_points(data.assign(stock=stock), region)
    model = build_site_model(region, samples, points, options or process_options(region))
    law = [
        each.sel(site=points["site"]).to_numpy() if isinstance(each, xr.DataArray) else each for each in pair
    ]
    balance = model.balance(*law)
    found = xr.Dataset(
        {
            "stock": (("year", "site"), model.simulate(*law)),
            "annual_input": ("site", model.annual_input),
            "added": ("site", balance.added),
            "respired": ("site", balance.respired),
        },
        coords={"year": list(model.years), "site": points["site"].to_numpy()},
    )
    found = found.reindex(site=data["site"].to_numpy())
    places = {name: values for name, values in data.coords.items() if values.dims == ("site",)}
    return finished(found.assign_coords(places), data)


def _described(course: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """With what the data say of themselves, so that pictures can say it."""
    names = ("title", "synthetic", "stand_ins")
    course.attrs |= {name: data.attrs[name] for name in names if name in data.attrs}
    return course
