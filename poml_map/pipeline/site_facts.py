"""What must be told of RothC at the sites: that carbon is conserved, and how decay jumps when the run begins."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.pipeline.parameters import Parameters, quantiles
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import SiteModel
from poml_map.rothc.forcing import build_forcing
from poml_map.units import STOCK_LABELS, stock_factor

log = logging.getLogger(__name__)

# A median factor on all decay outside this range moves a stock by more than its climate trend does.
_SMALL_JUMP = (0.9, 1.1)
# Sites may differ a little more before mean months are called a poor choice.
_SMALL_SPREAD = (0.8, 1.25)


@dataclass(frozen=True)
class SiteFacts:
    """Figures for manifest and report, and what is to be warned of.

    Attributes
    ----------
    balance : dict
        ``added_kg_m2``, ``respired_kg_m2``, ``stored_kg_m2``: means of the sites from the first campaign of each
        to the last year; ``largest_error_kg_m2``: added - respired - stored of the worst site.
    averaging : dict
        Quantiles over the sites of mean a*b*c of all real months of the run over that of their mean year.
    warnings : list of str
    """

    balance: dict
    averaging: dict
    warnings: list


def site_facts(region: Region, points: xr.Dataset, model: SiteModel, parameters: Parameters) -> SiteFacts:
    """Mass balance of the run at the sites, and the jumps of its decay; both are logged.

    Parameters
    ----------
    region : Region
    points : xarray.Dataset
        The cube at the sites.
    model : SiteModel
    parameters : Parameters
    """
    balance, averaging = _balance(model, parameters), quantiles(averaging_effect(region, points))
    warnings = _advice(region, parameters, averaging)
    log.info("  %s", balance_text(balance, region.settings.units, region.years[-1]))
    for text in warnings:
        log.warning("  warning: %s", text)
    return SiteFacts(balance, averaging, warnings)


def _balance(model: SiteModel, parameters: Parameters) -> dict:
    added, respired, stored = model.balance(*parameters.at(model))
    parts = {"added": added, "respired": respired, "stored": stored}
    return {f"{name}_kg_m2": float(np.mean(values)) for name, values in parts.items()} | {
        "largest_error_kg_m2": float(np.abs(added - respired - stored).max())
    }


def balance_text(balance: dict, unit: str, last_year: int, of: str = "site") -> str:
    """The mass balance as one line; `of` is what it is a mean of.

    Examples
    --------
    >>> parts = {"added_kg_m2": 8.0, "respired_kg_m2": 7.5, "stored_kg_m2": 0.5, "largest_error_kg_m2": 4e-15}
    >>> balance_text(parts, "t/ha", 2000)
    'carbon of a site to 2000, mean: 80.000 added, 75.000 respired, 5.000 stored t C ha-1; largest error 4e-14'
    """
    added, respired, stored, error = (value * stock_factor(unit) for value in balance.values())
    return (
        f"carbon of a {of} to {last_year}, mean: {added:.3f} added, {respired:.3f} respired, {stored:.3f} stored "
        f"{STOCK_LABELS[unit]}; largest error {error:.1g}"
    )


def averaging_effect(region: Region, points: xr.Dataset) -> np.ndarray:
    """What averaging months does to decay by itself, without any change of climate.

    Parameters
    ----------
    region : Region
    points : xarray.Dataset

    Returns
    -------
    ndarray, shape (site,)
        Mean a*b*c of all months of the run, repeated in a cycle, over that of their mean January to December. [-]
    """
    months = {name: points[name].to_numpy()[-12 * len(region.years) :] for name in schema.MONTHLY}
    # The months of the run as a spin-up, of a run that ends where it begins.
    first, same = {name: values[:12] for name, values in months.items()}, np.ones((1, 1))
    clay, options = points["CLAY"].to_numpy(), process_options(region)
    real, mean = (
        build_forcing(first, months, clay, same, replace(options, spinup=kind)).spinup_rate.mean(axis=0)
        for kind in ("real_years", "mean_months")
    )
    return real / mean


def _advice(region: Region, parameters: Parameters, averaging: dict) -> list[str]:
    """To spin up on real years, if mean months were taken and decay jumps when the run begins."""
    if region.settings.rothc.spinup != "mean_months":
        return []
    jump, mu = (parameters.details[f"{name}_at_first_campaign"] for name in ("rate_jump", "mu"))
    found = []
    if not _within(jump["median"], jump["median"], _SMALL_JUMP):
        found.append(
            f"a*b*c jumps by a factor of {jump['median']:.2f} (median of the sites) when the run begins"
        )
    if not (_within(averaging["median"], averaging["median"], _SMALL_JUMP)) or not (
        _within(averaging["q05"], averaging["q95"], _SMALL_SPREAD)
    ):
        found.append(
            f"real months give {averaging['median']:.2f} times the a*b*c of their mean year (5-95 % of the sites: "
            f"{averaging['q05']:.2f} to {averaging['q95']:.2f})"
        )
    if not _within(mu["median"], mu["median"], _SMALL_JUMP):
        found.append(f"mu jumps from 1 to {mu['median']:.2f} (median)")
    if not found:
        return []
    return [
        f"spin-up on mean months: {'; '.join(found)}. Compare a run with `rothc: {{spinup: real_years}}`."
    ]


def _within(low: float, high: float, limits: tuple[float, float]) -> bool:
    """Whether both lie within the limits; what is not known does."""
    return not (low < limits[0] or high > limits[1])
