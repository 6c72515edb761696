"""mu_max and K_m of a region: given, assumed or calibrated."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from poml_map.config import Region
from poml_map.errors import InputError
from poml_map.pipeline.checks import one_campaign
from poml_map.pipeline.site_model import SiteModel
from poml_map.rothc.calibrate import CalibrationResult, calibrate
from poml_map.rothc.problem import solve_constant_mu

log = logging.getLogger(__name__)

# Starts of BFGS for the whole sample and for each fold, which needs fewer: its optimum lies close by.
_STARTS, _STARTS_IN_FOLD = 5, 2


@dataclass(frozen=True)
class Parameters:
    """mu_max and K_m, and where they come from.

    Attributes
    ----------
    mu_max : float
        [-]
    k_m : float
        [kg/m2]
    origin : {"calibrated", "given", "assumed"}
    details : dict
        What the manifest and `rothc_params.json` say about them.
    warnings : list of str
    """

    mu_max: float
    k_m: float
    origin: str
    details: dict
    warnings: list


def find_parameters(region: Region, model: SiteModel) -> Parameters:
    """mu_max and K_m: given, assumed from an expected change, or calibrated.

    Raises
    ------
    InputError
        If there is one campaign only and nothing is given or assumed, or the calibration does not converge.
    """
    rothc = region.settings.rothc
    if rothc.mu_max is not None:
        return _given(model, rothc.mu_max, rothc.k_m, "given", [])
    if rothc.expected_change is not None:
        return _assumed(region, model, rothc.expected_change)
    if model.problem.stock.size == 0:
        raise InputError(one_campaign(region))
    return _calibrated(region, model)


def _calibrated(region: Region, model: SiteModel) -> Parameters:
    try:
        result = calibrate(model.problem, n_starts=_STARTS)
    except ValueError as error:
        mend = "Check stocks, units and the input driver, or give `mu_max` and `k_m`."
        problem = region.document.problem(("rothc",), f"a calibration that fails: {error}", "a minimum", mend)
        raise InputError(problem) from error
    warnings = _limit_warning(result)
    details = {
        "loss_kg2_m4": result.loss,
        "rmse_kg_m2": float(np.sqrt(result.loss)),
        "limit": result.limit,
        "n_starts": result.n_starts,
        "gradient": result.gradient,
        "condition_number": result.condition_number,
        "messages": list(result.messages),
    }
    return _given(model, result.mu_max, result.k_m, "calibrated", warnings, details)


def _limit_warning(result: CalibrationResult) -> list[str]:
    texts = {
        "k_m_zero": "K_m runs to 0, so mu is the constant mu_max",
        "linear": "K_m runs to infinity, so mu is proportional to BIO",
    }
    if result.limit == "none":
        return []
    return [f"calibration: {texts[result.limit]}; that one-parameter limit was fitted. Do not interpret K_m."]


def _law(mu_max: float, k_m: float, limit: str) -> str:
    """The microbial factor in words; at a limit only what the data determine."""
    if limit == "linear":
        return f"mu = {mu_max / k_m:.4g} m2/kg x BIO"
    return f"mu = {mu_max:.4g}" if k_m == 0 else f"mu = {mu_max:.4g} BIO / ({k_m:.4g} kg/m2 + BIO)"


def _assumed(region: Region, model: SiteModel, change: float) -> Parameters:
    if len(set(model.start_year)) > 1 or model.start_year[0] != region.years[0]:
        found = f"first campaigns {sorted(set(model.start_year.tolist()))}"
        expected = f"all in the first run year {region.years[0]}"
        mend = "Let `years` begin with the campaign, or give `mu_max` and `k_m`."
        raise InputError(region.document.problem(("rothc", "expected_change"), found, expected, mend))
    try:
        mu = solve_constant_mu(model.problem, change)
    except ValueError as error:
        found = str(error).removeprefix("expected_change is ").rstrip(".")
        raise InputError(region.document.problem(("rothc", "expected_change"), found)) from error
    plain = model.simulate(1.0, 0.0)
    unassumed = float(np.nanmean(plain[-1]) / np.nanmean(plain[0]) - 1)
    text = (
        f"mu is assumed, not fitted: the constant mu = {mu:.4g} makes the mean stock of the sites change by "
        f"{change:+.1%} from {region.years[0]} to {region.years[-1]}; with mu = 1 it would be {unassumed:+.1%}"
    )
    details = {"expected_change": change, "change_with_mu_1": unassumed}
    return _given(model, mu, 0.0, "assumed", [text], details)


def _given(model, mu_max, k_m, origin, warnings, details=None) -> Parameters:
    quantiles = _quantiles(model.mu_at_start(mu_max, k_m))
    more = {
        "mu_max": mu_max,
        "k_m_kg_m2": k_m,
        "origin": origin,
        "mu_at_first_campaign": quantiles,
        "rate_jump_at_first_campaign": _quantiles(model.rate_jump),
        **(details or {}),
    }
    more["law"] = _law(mu_max, k_m, more.get("limit", "none"))
    log.info("  %s (%s); median mu at the first campaign %.3g", more["law"], origin, quantiles["median"])
    for text in warnings:
        log.warning("  warning: %s", text)
    return Parameters(float(mu_max), float(k_m), origin, more, warnings)


def _quantiles(values: np.ndarray) -> dict[str, float]:
    known = values[~np.isnan(values)]
    found = np.quantile(known, [0.05, 0.5, 0.95]) if known.size else np.full(3, np.nan)
    return dict(zip(("q05", "median", "q95"), found.tolist(), strict=True))


def fold_parameters(region: Region, model: SiteModel, training: np.ndarray) -> tuple[float, float]:
    """mu_max and K_m from the sites of the training folds only.

    Parameters
    ----------
    region : Region
    model : SiteModel
    training : ndarray of bool, shape (n,)

    Returns
    -------
    mu_max, k_m : float

    Raises
    ------
    InputError
        If these sites do not give them: too few of them were sampled twice, or their fit does not converge.
    """
    rothc = region.settings.rothc
    if rothc.mu_max is not None:
        return rothc.mu_max, rothc.k_m
    part = model.problem.subset(training)
    try:
        if rothc.expected_change is not None:
            return solve_constant_mu(part, rothc.expected_change), 0.0
        result = calibrate(part, n_starts=_STARTS_IN_FOLD)
    except ValueError as error:
        found = f"a fold of the cross-validation whose training sites do not give mu_max and K_m: {error}"
        mend = "Check the samples, choose fewer or more folds, or give `mu_max` and `k_m`."
        raise InputError(region.document.problem(("rothc",), found, "a minimum", mend)) from error
    return result.mu_max, result.k_m
