"""The answers at the top of the page: which model to believe, by how much, in which years, how wide the error bars."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from poml_map.hybrid.evaluation.differences import UNDECIDED
from poml_map.pipeline.known_truth import QUESTIONS
from poml_map.units import STOCK_LABELS

#: What is scored -> the question that it answers.
_LEVELS = {
    "t1": "Level in the first campaign's year, at a place that was never sampled",
    "t2": "Level in the later campaign's year, at a place that was never sampled",
    "change": "Change from the first to the later campaign",
}
#: What no covariate is needed for -> its name and model. The change of PERSISTENCE is the mean change.
_NOTHING = {
    "t1": ("the mean of the year", "YEAR_MEAN"),
    "t2": ("the mean of the year", "YEAR_MEAN"),
    "change": ("the mean change", "PERSISTENCE"),
}
_KNOWS = {"PO": "PO (RothC)", "PERSISTENCE": "persistence"}
_MAPS = {"ML_LINEAR": "straight lines between ML maps", "FIRST_MAP": "the first ML map, held constant"}


def short_answers(tables: dict, unit: str, w_p: float, time_weight: str) -> list[str]:
    """Lines of Markdown from the tables of a validation.

    Parameters
    ----------
    tables : dict of str -> Table
        ``scores`` and ``differences``; others if they are there.
    unit : str
        Of the stocks.
    w_p, time_weight
        Of the region.
    """
    shown = {name: table.in_units(unit) for name, table in tables.items()}
    label = STOCK_LABELS[unit]
    lines = [f"- **{text}**: {_level(shown, target, label)}" for target, text in _LEVELS.items()]
    return [*lines, *_weight(shown, label, w_p, time_weight), *_width(shown, label), *_truth(shown, label)]


def _level(shown: dict, target: str, label: str) -> str:
    scores = shown["scores"]
    rows = scores[(scores["folding"] == "random") & (scores["target"] == target) & (scores["n"] > 0)]
    rmse = rows.set_index("model")["rmse"]
    forests = [model for model in ("ML", "POML") if model in rmse.index]
    if not forests:
        return "nothing to score it with."
    return " ".join([_forests(shown["differences"], rmse, target, label), *_knowing(shown, rmse, target)])


def _forests(differences: pd.DataFrame, rmse: pd.Series, target: str, label: str) -> str:
    """ML or POML, or that nobody can tell; beside a model that knows no covariate."""
    name, model = _NOTHING[target]
    forests = [rmse[each] for each in ("ML", "POML") if each in rmse.index]
    better = ", better than either forest" if rmse[model] < min(forests) else ""
    nothing = f"{name} alone: {rmse[model]:.3f}{better}"
    row = _row(differences, target, "POML", "ML")
    if row is None or row.rmse_a == row.rmse_b:
        return f"ML, RMSE {rmse['ML']:.3f} {label} ({nothing}); POML is the same here."
    interval = f"95 % {row.low:+.3f} to {row.high:+.3f}"
    if row.verdict == UNDECIDED:
        return (
            f"POML and ML, which these sites cannot tell apart: RMSE {rmse['POML']:.3f} and {rmse['ML']:.3f} {label} "
            f"({interval}; {nothing})."
        )
    best, other = ("POML", "ML") if row.difference < 0 else ("ML", "POML")
    return (
        f"{best}, RMSE {rmse[best]:.3f} {label} ({nothing}). {other} {rmse[other]:.3f}; POML minus ML: "
        f"{row.difference:+.3f}, {100 * row.relative:+.1f} % ({interval})."
    )


def _knowing(shown: dict, rmse: pd.Series, target: str) -> Iterator[str]:
    """What a measured first stock is worth."""
    if target == "t1" or "PO" not in rmse.index:
        return
    known = sorted(_KNOWS, key=lambda model: rmse[model])
    row = _row(shown["differences"], "t2", "PO", "PERSISTENCE")  # their errors of the change are the same
    told = "; these sites cannot tell them apart" if row is not None and row.verdict == UNDECIDED else ""
    scores = ", ".join(f"{_KNOWS[model]} {rmse[model]:.3f}" for model in known)
    yield f"Where the first stock of the very place is measured: {scores}{told}."


def _row(differences: pd.DataFrame, target: str, a: str, b: str):
    found = differences[
        (differences["folding"] == "random")
        & (differences["model_a"] == a)
        & (differences["model_b"] == b)
        & (differences["target"] == target)
    ]
    return None if found.empty else found.iloc[0]


def _weight(shown: dict, label: str, w_p: float, time_weight: str) -> Iterator[str]:
    if "w_p_summary" not in shown:
        return
    rows, curve = shown["w_p_summary"], shown["w_p_curve"]
    at = rows[rows["time_weight"] == time_weight].set_index("choice")
    own = curve[(curve["time_weight"] == time_weight) & (curve["w_p"] == w_p)]
    text = "- **Weight of the simulations**: the smallest w_p that nested folds cannot tell from the best is "
    text += f"{at.loc['nested'].w_p:.2g} in the mean, RMSE {at.loc['nested'].rmse:.3f} {label}"
    if len(own):
        text += f" against {own['rmse'].iloc[0]:.3f} at the region's {w_p:g}"
    yield f"{text}. They only see sampled years; simulations are for the years between, which no score here judges."


def _width(shown: dict, label: str) -> Iterator[str]:
    if "intervals" not in shown:
        return
    rows = shown["intervals"]
    rows = rows[(rows["subject"] == "observations") & (rows["subset"] == "all") & (rows["level"] == 0.9)]
    if len(rows) and rows["n"].iloc[0]:
        row = rows.iloc[0]
        yield (
            f"- **Error bars**: the 90 % interval of a sample at a new place is {row.mean_width:.2f} {label} wide in "
            f"the mean; {100 * row.picp:.1f} % of the held-out samples lie inside theirs."
        )


def _truth(shown: dict, label: str) -> Iterator[str]:
    """What only a synthetic region can tell: years without samples."""
    if "truth_best" not in shown:
        return
    best = shown["truth_best"].set_index("question")
    for question in ("level, unsampled years", "trend"):
        if question in best.index:
            row = best.loc[question]
            yield (
                f"- **{question[0].upper()}{question[1:]}, against the known truth of all pixels**: "
                f"{_MAPS.get(row.best, row.best)}, "
                f"{QUESTIONS[question]} {row.error:.3f} {label}. POML {row.poml_error:.3f}, "
                f"{100 * row.poml_against_ml:+.1f} % from ML."
            )
