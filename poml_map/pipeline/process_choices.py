"""What the region file says about the process model, in the process model's own words."""

from __future__ import annotations

from poml_map.config import Region
from poml_map.errors import Problems
from poml_map.rothc import crop_calendar_shares
from poml_map.rothc.columns import ByClass, ProcessInputs
from poml_map.rothc.forcing import Options
from poml_map.rothc.presets import rate_factor_preset
from poml_map.settings_rothc import FactorsByClass, RatioByClass


def process_options(region: Region) -> Options:
    """The process model's options as the region file states them."""
    settings, rothc = region.settings, region.settings.rothc
    months = rothc.input_months
    if months == "crop_calendar":
        months = crop_calendar_shares(rothc.crops)
    return Options(
        depth_cm=settings.depth_cm,
        sampling_month=settings.sampling_month,
        cover_ndvi=rothc.cover_ndvi,
        input_months=months if isinstance(months, str) else tuple(float(weight) for weight in months),
        pools=rothc.pools,
        spinup=rothc.spinup,
        cover=rothc.cover,
        cover_ndvi_range=tuple(rothc.cover_ndvi_range),
        manure_months=tuple(rothc.manure_months),
        **({"dpm_rpm": rothc.dpm_rpm} if isinstance(rothc.dpm_rpm, float) else {}),
    )


def process_inputs(region: Region) -> ProcessInputs:
    """Which columns, classes and presets feed the process model.

    Raises
    ------
    InputError
        If there is no preset of a rate factor's name.
    """
    rothc = region.settings.rothc
    ratio = rothc.dpm_rpm
    if isinstance(ratio, RatioByClass):
        ratio = ByClass(ratio.column, ratio.by_class)
    return ProcessInputs(
        driver=rothc.input_column,
        dpm_rpm=None if isinstance(ratio, float) else ratio,
        rate_factor=_rate_factor(region),
        manure=rothc.manure,
    )


def _rate_factor(region: Region) -> tuple[float, ...] | ByClass | None:
    option, problems = region.settings.rothc.rate_factor, Problems()
    if isinstance(option, FactorsByClass):
        # A class of its own may be a paddy; every other one is a soil that is not waterlogged.
        values = {
            number: _months(region, factors, ("values", str(number)), problems)
            for number, factors in option.by_class.items()
        }
        factors = ByClass(option.column, values, default=1.0)
    else:
        factors = None if option is None else _months(region, option, (), problems)
    problems.raise_if_any()
    return factors


def _months(region: Region, factors, loc: tuple, problems: Problems) -> tuple[float, ...]:
    """Twelve factors, or those of a preset."""
    if not isinstance(factors, str):
        return tuple(factors)
    try:
        return tuple(rate_factor_preset(factors).tolist())
    except ValueError as error:
        expected = "twelve factors, or " + str(error).partition("expected ")[2].partition(". Mend")[0]
        where = ("rothc", "rate_factor", *loc)
        problems.extend([region.document.problem(where, repr(factors), expected)])
        return (1.0,) * 12
