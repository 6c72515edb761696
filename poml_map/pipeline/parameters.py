"""mu_max and K_m of a region: given, assumed or calibrated."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from poml_map.config import Region
from poml_map.errors import InputError
from poml_map.pipeline.calibration import fit_details, interval_text, law, limit_warning
from poml_map.pipeline.checks import late_campaigns, one_campaign
from poml_map.pipeline.site_model import SiteModel
from poml_map.rothc.calibrate import CalibrationResult, calibrate
from poml_map.rothc.columns import ByClass
from poml_map.rothc.groups import LEAST_OBSERVATIONS, GroupFits, calibrate_groups
from poml_map.rothc.problem import solve_constant_mu
from poml_map.rothc.profile import RidgeProfile

log = logging.getLogger(__name__)

# Starts of BFGS for the whole sample and for each fold, which needs fewer: its optimum lies close by.
_STARTS, _STARTS_IN_FOLD = 5, 2


@dataclass(frozen=True)
class Parameters:
    """mu_max and K_m, and where they come from.

    Attributes
    ----------
    mu_max : float
        Of all sites together. [-]
    k_m : float
        [kg/m2]
    origin : {"calibrated", "given", "assumed"}
    details : dict
        What the manifest and `rothc_params.json` say about them.
    warnings : list of str
    groups : ByClass or None
        (mu_max, K_m) of classes that were fitted apart; every other class has those of all sites.
    profiles : dict of str -> RidgeProfile
        The ridge of each fit, by what was fitted.
    fit : CalibrationResult, GroupFits or None
        With the covariance of its errors; None where they are given or assumed.
    """

    mu_max: float
    k_m: float
    origin: str
    details: dict
    warnings: list
    groups: ByClass | None = None
    profiles: dict[str, RidgeProfile] = field(default_factory=dict)
    fit: CalibrationResult | GroupFits | None = None

    def for_classes(self, codes) -> tuple[np.ndarray, np.ndarray]:
        """mu_max and K_m of any array of classes; of all sites for a class that has none of its own."""
        if self.groups is None:
            return np.full(np.shape(codes), self.mu_max), np.full(np.shape(codes), self.k_m)
        mu_max, k_m = self.groups.at(codes)
        return mu_max, k_m

    def at(self, model: SiteModel) -> tuple:
        """mu_max and K_m of the sites of a model: two numbers, or with groups two arrays of shape (site,)."""
        return (self.mu_max, self.k_m) if self.groups is None else self.for_classes(model.classes)

    def law(self, model: SiteModel) -> Law:
        """As `at`, with the fit."""
        return Law(*self.at(model), self.fit)


def find_parameters(region: Region, model: SiteModel) -> Parameters:
    """mu_max and K_m: given, assumed from an expected change, or calibrated.

    Raises
    ------
    InputError
        If there is one campaign only and nothing is given or assumed, or the calibration does not converge.
    """
    rothc = region.settings.rothc
    if rothc.mu_max is not None:
        return _given(model, (rothc.mu_max, rothc.k_m), "given", [])
    if rothc.expected_change is not None:
        return _assumed(region, model, rothc.expected_change)
    if model.problem.stock.size == 0:
        raise InputError(one_campaign(region))
    return _calibrated(region, model)


def _calibrated(region: Region, model: SiteModel) -> Parameters:
    try:
        if model.classes is not None:
            return _by_group(region, model, calibrate_groups(model.problem, model.classes, _STARTS))
        result = calibrate(model.problem, n_starts=_STARTS)
    except ValueError as error:
        mend = "Check stocks, units and the input driver, or give `mu_max` and `k_m`."
        if model.classes is not None:
            mend = "Check stocks, units and the input driver, merge classes, or leave out `groups`."
        problem = region.document.problem(("rothc",), f"a calibration that fails: {error}", "a minimum", mend)
        raise InputError(problem) from error
    log.info("  %s", interval_text(result.profile))
    profiles = {"all sites": result.profile}
    return _given(
        model,
        (result.mu_max, result.k_m),
        "calibrated",
        limit_warning(result),
        fit_details(result),
        profiles=profiles,
        fit=result,
    )


def _by_group(region: Region, model: SiteModel, found: GroupFits) -> Parameters:
    column = region.settings.rothc.groups
    pooled = found.pooled
    names = {group: f"{column} {group}" for group in found.counts}
    warnings = limit_warning(pooled, "all sites")
    classes, profiles = {}, {"all sites": pooled.profile}
    for group, fit in found.fits.items():
        warnings += limit_warning(fit, names[group])
        profiles[names[group]] = fit.profile
        classes[group] = {
            "law": law(fit.mu_max, fit.k_m, fit.limit),
            "mu_max": fit.mu_max,
            "k_m_kg_m2": fit.k_m,
            **fit_details(fit),
        }
        log.info("  %s: %s; %s", names[group], classes[group]["law"], interval_text(fit.profile))
    for group, count in found.too_few.items():
        classes[group] = {"law": "that of all sites", "n_observations": count}
        warnings.append(
            f"{names[group]} has {count} of the {found.least} later observations that a fit needs: it takes mu_max "
            "and K_m of all sites"
        )
    together = _mean_square(model, *found.parameters(model.classes))
    details = {
        **fit_details(pooled),
        "groups": {"column": column, "loss_kg2_m4": together, "classes": classes},
    }
    groups = ByClass(column, found.table, (pooled.mu_max, pooled.k_m))
    law_of_all = (pooled.mu_max, pooled.k_m)
    more = {"groups": groups, "profiles": profiles, "fit": found}
    return _given(model, law_of_all, "calibrated", warnings, details, **more)


def _mean_square(model: SiteModel, mu_max, k_m) -> float:
    """Mean squared error of all later observations. [(kg/m2)^2]"""
    problem = model.problem
    stocks = model.simulate(mu_max, k_m)[problem.month_index // 12, problem.site_index]
    return float(np.mean((stocks - problem.stock) ** 2))


def _assumed(region: Region, model: SiteModel, change: float) -> Parameters:
    if problems := late_campaigns(region, model.start_year):
        raise InputError(problems)
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
    return _given(model, (mu, 0.0), "assumed", [text], details)


def _given(
    model, pair, origin, warnings, details=None, *, groups=None, profiles=None, fit=None
) -> Parameters:
    """Parameters with what every way to find them tells of the sites."""
    mu_max, k_m = (float(value) for value in pair)
    found = Parameters(mu_max, k_m, origin, {}, warnings, groups, profiles or {}, fit)
    of_mu = quantiles(model.mu_at_start(*found.at(model)))
    found.details.update(
        law=law(mu_max, k_m, (details or {}).get("limit", "none")),
        mu_max=mu_max,
        k_m_kg_m2=k_m,
        origin=origin,
        mu_at_first_campaign=of_mu,
        rate_jump_at_first_campaign=quantiles(model.rate_jump),
        **(details or {}),
    )
    log.info("  %s (%s); median mu at the first campaign %.3g", found.details["law"], origin, of_mu["median"])
    for text in warnings:
        log.warning("  warning: %s", text)
    return found


def quantiles(values: np.ndarray) -> dict[str, float]:
    """5 %, 50 % and 95 % of the values that are known, as ``q05``, ``median`` and ``q95``; NaN if none is."""
    known = values[~np.isnan(values)]
    found = np.quantile(known, [0.05, 0.5, 0.95]) if known.size else np.full(3, np.nan)
    return dict(zip(("q05", "median", "q95"), found.tolist(), strict=True))


@dataclass(frozen=True)
class Law:
    """mu_max and K_m at the sites, and the fit that they are of.

    Attributes
    ----------
    mu_max, k_m : float or ndarray, shape (n,)
        Two numbers; with groups, those of every site by its class, also of sites that are held out. [-], [kg/m2]
    fit : CalibrationResult, GroupFits or None
        With the covariance of its errors; None where they are given or assumed.
    """

    mu_max: float | np.ndarray
    k_m: float | np.ndarray
    fit: CalibrationResult | GroupFits | None = None

    @property
    def pair(self) -> tuple:
        """mu_max and K_m alone."""
        return self.mu_max, self.k_m


def fold_law(region: Region, model: SiteModel, training: np.ndarray) -> Law:
    """mu_max and K_m from the sites of the training folds only, with their fit.

    Parameters
    ----------
    region : Region
    model : SiteModel
    training : ndarray of bool, shape (n,)

    Returns
    -------
    Law

    Raises
    ------
    InputError
        If these sites do not give them: too few of them were sampled twice, or their fit does not converge.
    """
    rothc = region.settings.rothc
    if rothc.mu_max is not None:
        return Law(rothc.mu_max, rothc.k_m)
    part = model.problem.subset(training)
    try:
        if rothc.expected_change is not None:
            return Law(solve_constant_mu(part, rothc.expected_change), 0.0)
        if model.classes is not None:
            # As many as there would be of a class that is just large enough: the model that is scored is then
            # that of the maps, not a pooled one.
            least = int(LEAST_OBSERVATIONS * training.mean())
            classes = model.classes[training]
            found = calibrate_groups(part, classes, _STARTS_IN_FOLD, least=least, profile=False)
            return Law(*found.parameters(model.classes), found)
        result = calibrate(part, n_starts=_STARTS_IN_FOLD, profile=False)
    except ValueError as error:
        found = f"a fold of the cross-validation whose training sites do not give mu_max and K_m: {error}"
        mend = "Check the samples, choose fewer or more folds, or give `mu_max` and `k_m`."
        raise InputError(region.document.problem(("rothc",), found, "a minimum", mend)) from error
    return Law(result.mu_max, result.k_m, result)
