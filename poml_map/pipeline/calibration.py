"""A fit of mu_max and K_m in words and figures, for log, manifest and report."""

from __future__ import annotations

import numpy as np

from poml_map.rothc.calibrate import CalibrationResult
from poml_map.rothc.profile import RidgeProfile
from poml_map.units import STOCK_LABELS, stock_factor

_LIMITS = {
    "k_m_zero": "K_m runs to 0, so mu is the constant mu_max",
    "linear": "K_m runs to infinity, so mu is proportional to BIO",
}


def limit_warning(result: CalibrationResult, who: str = "") -> list[str]:
    """One warning if the fit is a limit; `who` names the sites that were fitted."""
    if result.limit == "none":
        return []
    head = f"calibration of {who}" if who else "calibration"
    return [f"{head}: {_LIMITS[result.limit]}; that one-parameter limit was fitted. Do not interpret K_m."]


def law(mu_max: float, k_m: float, limit: str = "none") -> str:
    """The microbial factor in words; at a limit only what the data determine.

    Examples
    --------
    >>> law(1.4, 0.06), law(1.3, 0.0), law(1e8, 1e7, "linear")
    ('mu = 1.4 BIO / (0.06 kg/m2 + BIO)', 'mu = 1.3', 'mu = 10 m2/kg x BIO')
    """
    if limit == "linear":
        return f"mu = {mu_max / k_m:.4g} m2/kg x BIO"
    return f"mu = {mu_max:.4g}" if k_m == 0 else f"mu = {mu_max:.4g} BIO / ({k_m:.4g} kg/m2 + BIO)"


def fit_details(result: CalibrationResult) -> dict:
    """What manifest and `rothc_params.json` say about a fit."""
    return {
        "loss_kg2_m4": result.loss,
        "rmse_kg_m2": float(np.sqrt(result.loss)),
        "n_observations": result.n_observations,
        "limit": result.limit,
        "n_starts": result.n_starts,
        "gradient": result.gradient,
        "condition_number": result.condition_number,
        "typical_bio_kg_m2": result.typical_bio,
        "mu_at_typical_bio": result.mu_typical,
        "standard_errors_of_logs": _standard_errors(result),
        **({} if result.profile is None else {"profile": _profile_details(result.profile)}),
        "messages": list(result.messages),
    }


def _standard_errors(result: CalibrationResult) -> dict:
    names = ("mu_at_typical_bio", "k_m")[: len(result.covariance)]
    return dict(zip(names, np.sqrt(np.diag(result.covariance)).tolist(), strict=True))


def _profile_details(profile: RidgeProfile) -> dict:
    """The ridge; JSON has no infinity, so that end is null there."""
    columns = ("k_m_kg_m2", "mu_max", "mu_at_typical_bio", "loss_kg2_m4")
    return {
        "text": interval_text(profile),
        "k_m_95_percent_kg_m2": list(profile.interval),
        "largest_loss_kg2_m4": profile.threshold,
        "best": profile.best,
        "points": [dict(zip(columns, point, strict=True)) for point in profile.points],
    }


def interval_text(profile: RidgeProfile) -> str:
    """The K_m that are not excluded, in words.

    Examples
    --------
    >>> interval_text(RidgeProfile(0.07, (), 0, 0.1, (0.0, 0.24), 60))
    'K_m from 0 to 0.24 kg/m2 is not excluded (95 %)'
    """
    low, high = profile.interval
    upper = f"to {high:.3g} kg/m2" if np.isfinite(high) else "kg/m2 to infinity"
    return f"K_m from {low:.3g} {upper} is not excluded (95 %)"


def calibration_lines(rothc: dict, unit: str) -> list[str]:
    """How the fit ended and how well it is determined, as Markdown.

    Parameters
    ----------
    rothc : dict
        Section of the manifest; without a fit there is nothing to say.
    unit : str
        Of the misfit: ``kg/m2`` or ``t/ha``.
    """
    if rothc["origin"] != "calibrated":
        return []
    label = STOCK_LABELS[unit]
    errors = rothc["standard_errors_of_logs"]
    error = errors["mu_at_typical_bio"]
    lines = [
        f"- Fit to {rothc['n_observations']} later observations: RMSE {_rmse(rothc['loss_kg2_m4'], unit):.4f} {label}, "
        f"best of {rothc['n_starts']} starts, largest derivative {np.abs(rothc['gradient']).max():.1g}, condition "
        f"number {rothc['condition_number']:.0f} (of log mu_max and log K_m).",
        f"- mu at the typical BIO of {rothc['typical_bio_kg_m2']:.3g} kg C m-2 is {rothc['mu_at_typical_bio']:.3f}"
        + (f" (standard error {error:.0%})" if np.isfinite(error) else "")
        + ": this is what the stocks fix. mu_max and K_m make up for each other, so do not interpret one alone.",
        f"- {rothc['profile']['text']}. Along that ridge:",
        "",
        *(f"  {line}" for line in _ridge_table(rothc["profile"], unit)),
        "",
        "  ![Misfit and mu_max along the ridge of the calibration](calibration.png)",
        "",
    ]
    return [*lines, *_group_lines(rothc, unit)]


def _rmse(loss: float, unit: str) -> float:
    return float(np.sqrt(loss)) * stock_factor(unit)


def _ridge_table(profile: dict, unit: str) -> list[str]:
    """Some points of the ridge, the fit among them in bold."""
    lines = [
        f"| K_m [kg C m-2] | mu_max | mu at the typical BIO | RMSE [{STOCK_LABELS[unit]}] |",
        "|---" * 4 + "|",
    ]
    points = profile["points"]
    step = max((len(points) - 1) // 6, 1)
    shown = {*range(0, len(points), step), len(points) - 1, profile["best"]}
    for index in sorted(shown):
        point, mark = points[index], "**" if index == profile["best"] else ""
        cells = [_finite(point["k_m_kg_m2"]), _finite(point["mu_max"]), f"{point['mu_at_typical_bio']:.3f}"]
        cells.append(f"{_rmse(point['loss_kg2_m4'], unit):.4f}")
        lines.append("| " + " | ".join(f"{mark}{cell}{mark}" for cell in cells) + " |")
    return lines


def _finite(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "∞"


def _group_lines(rothc: dict, unit: str) -> list[str]:
    """The classes that were fitted apart."""
    if "groups" not in rothc:
        return []
    column = rothc["groups"]["column"]
    lines = [
        f"- Fitted apart by {column}, RMSE of all later observations "
        f"{_rmse(rothc['groups']['loss_kg2_m4'], unit):.4f} {STOCK_LABELS[unit]}; the figures above are of all sites "
        "together:"
    ]
    for name, fit in rothc["groups"]["classes"].items():
        text = f"  - {column} {name}, {fit['n_observations']} later observations: {fit['law']}"
        if "loss_kg2_m4" in fit:
            text += (
                f"; RMSE {_rmse(fit['loss_kg2_m4'], unit):.4f} {STOCK_LABELS[unit]}; {fit['profile']['text']}"
            )
        lines.append(f"{text}.")
    return lines
