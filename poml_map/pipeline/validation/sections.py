"""Sections of the page `validation.md`: tables in Markdown, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from poml_map.hybrid.evaluation.score_tables import TARGETS
from poml_map.pipeline.known_truth import MAPS
from poml_map.units import STOCK_LABELS

KNOWS_NOTE = (
    "* PO and persistence start from the measured first stock of the very site they are scored at; the forests never "
    "saw the site. They answer another question: how does a stock go on that was measured once?"
)

# Below, percentiles of a bootstrap are too narrow by more than a tenth.
_FEW_SITES = 30
BOOTSTRAP_NOTE = (
    "95 %: sites drawn anew 4,000 times, whole, with the models as they were trained. Below 0 the first model is "
    "better; a verdict also asks for the same sign in every repeat. Other training moves small differences too, and of "
    "many pairs one in twenty would look different by chance alone."
)

_TIME = {"constant": "the same in every year", "distance": "by years to the nearest campaign"}


def campaign_markdown(campaigns: pd.DataFrame, unit: str) -> list[str]:
    """Stocks of each campaign, and their change, as a Markdown table: table S1 of the paper."""
    numbers = ["mean", "sd", "min", "q25", "median", "q75", "max"]
    heads = [STOCK_LABELS[unit], "n", "mean", "SD", "least", "25 %", "median", "75 %", "largest"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in campaigns.to_dict(orient="records"):
        cells = [row["what"], str(row["n"]), *(number(row[name]) for name in numbers)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def best_target(scores: pd.DataFrame) -> str:
    """What tells most of a map: later campaigns, or the first where there is no other."""
    later = scores[(scores["target"] == "t2") & (scores["n"] > 0)]
    return "t2" if len(later) else "t1"


def score_markdown(scores: pd.DataFrame, unit: str, folding: str = "random") -> list[str]:
    """The same as a Markdown table, with the spread over repeats and folds."""
    heads = [
        "model",
        "what",
        "n",
        f"RMSE [{STOCK_LABELS[unit]}]",
        "± repeats",
        "± folds",
        "CCC",
        "ME",
        "MEC",
        "note",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in _scored(scores[scores["folding"] == folding]).itertuples():
        star = "*" if row.knows_first else ""
        numbers = [row.rmse, row.rmse_repeat_sd, row.rmse_fold_sd, row.ccc, row.me, row.mec]
        cells = [f"{row.model}{star}", row.target, str(row.n), *map(number, numbers), row.note]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, "", KNOWS_NOTE]


def _scored(scores: pd.DataFrame) -> pd.DataFrame:
    """Without targets that nothing could be scored for; where they are later campaigns, all together are the first."""
    empty = set(scores["target"]) - set(scores[scores["n"] > 0]["target"])
    return scores[~scores["target"].isin(empty | ({"pooled"} if "t2" in empty else set()))]


def difference_markdown(differences: pd.DataFrame, unit: str, folding: str = "random") -> list[str]:
    """Every pair of models as a Markdown table."""
    heads = ["what", "model", "against", f"RMSE [{STOCK_LABELS[unit]}]", "difference", "95 %", "verdict"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in differences[differences["folding"] == folding].itertuples():
        cells = [row.target, row.model_a, row.model_b, f"{row.rmse_a:.3f}, {row.rmse_b:.3f}"]
        cells += [f"{row.difference:+.3f}", f"{row.low:+.3f} to {row.high:+.3f}", row.verdict]
        lines.append("| " + " | ".join(cells) + " |")
    notes = [BOOTSTRAP_NOTE]
    least = differences["sites"].min() if len(differences) else _FEW_SITES
    if least < _FEW_SITES:
        notes.append(f"With {least} sites these intervals are too narrow: take no verdict for certain.")
    return [*lines, "", " ".join(notes)]


def weight_sentences(tables: dict, unit: str) -> Iterator[str]:
    """What was found about w_p."""
    if "w_p_summary" not in tables:
        return
    table, label = tables["w_p_summary"].in_units(unit), STOCK_LABELS[unit]
    for weight, rows in table.groupby("time_weight", sort=False):
        at = rows.set_index("choice")
        nested, lowest, best = (
            at.loc[name] for name in ("nested", "nested, lowest error", "best on the same folds")
        )
        text = (
            f"Weights {_TIME[weight]}: the smallest w_p that nested folds cannot tell from the best (mean "
            f"{nested.w_p:.2f}) has an RMSE of {nested.rmse:.4f} {label}, their very best (mean {lowest.w_p:.2f}) "
            f"{lowest.rmse:.4f}"
        )
        if "default" in at.index:
            text += f", the default w_p = 0.5 {at.loc['default'].rmse:.4f}"
        text += f". Picked on the folds it is scored on, w_p = {best.w_p:g} shows {best.rmse:.4f}"
        yield text + (f", which is {best.optimism:.4f} too good." if best.optimism > 0 else ".")


def number(value) -> str:
    """Three decimals; "-" for what is not known."""
    return "-" if value is None or not np.isfinite(value) else f"{value:.3f}"


def space_section(tables: dict, unit: str) -> list[str]:
    """Which score answers which question, and where the forest has anything to go by."""
    if "foldings" not in tables:
        return []
    scores = tables["scores"].in_units(unit)
    target = best_target(scores)
    later = scores[scores["target"] == target].set_index(["folding", "model"])["rmse"]
    label = STOCK_LABELS[unit]
    heads = [
        "folds",
        "the score is that of",
        "POML",
        "ML",
        "distance to training [km]",
        "W to the map [km]",
        "",
    ]
    lines = ["## Which score answers which question", "", f"RMSE, {TARGETS[target]} [{label}]:", ""]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in tables["foldings"].rows.itertuples():
        scored = row.folding if row.folding in later.index.get_level_values(0) else "random"  # the same folds
        own = [number(later.get((scored, model))) for model in ("POML", "ML")]
        cells = [
            row.folding,
            row.question,
            *own,
            f"{row.median_distance_km:.2f}",
            f"{row.wasserstein_km:.2f}",
        ]
        lines.append("| " + " | ".join([*cells, row.detail]) + " |")
    pixels = tables["foldings"].rows["map_median_distance_km"].iloc[0]
    lines += [
        "",
        f"Distances are medians; pixels are {pixels:.2f} km from the nearest site. W: Wasserstein distance between the "
        "distances of the folds and those of the pixels. Blocks and kNNDM are one folding each, and random folds the "
        "mean of the repeats: small differences between rows mean nothing.",
        "",
    ]
    return [*lines, *_applicability_text(tables)]


def least_covered(rows: pd.DataFrame) -> int:
    """The year, in the index, in which observed rows are like the fewest pixels."""
    return int(rows["inside_observed"].idxmin())


def _applicability_text(tables: dict) -> list[str]:
    if "applicability" not in tables:
        return []
    rows = tables["applicability"].rows.set_index("year")
    lines = [
        "Pixels inside the area of applicability of the POML forest (`maps/AOA_YYYY.tif`, all years):",
        "",
    ]
    for year in sorted({rows.index[0], least_covered(rows), rows.index[-1]}):
        row = rows.loc[year]
        least = ", the year that observed rows are least like" if year == least_covered(rows) else ""
        lines.append(
            f"- {year}{least}: {100 * row.inside_all:.0f} % by all training rows, {100 * row.inside_observed:.0f} % "
            "by observed rows alone."
        )
    text = "Where only simulated rows are like a pixel, its value is what RothC says of similar places."
    return [*lines, "", text, ""]


def interval_section(tables: dict, unit: str, origin: str) -> list[str]:
    """What share of the values lies inside their intervals; `origin` is that of mu_max and K_m."""
    if "intervals" not in tables:
        return []
    rows = tables["intervals"].in_units(unit)
    rows = rows[rows["subset"] == "all"]
    levels = sorted(rows["level"].unique())
    label = STOCK_LABELS[unit]
    lines = ["## Intervals: share of values inside", ""]
    heads = [
        "what",
        *(f"{100 * level:g} %" for level in levels),
        f"mean width of 90 % [{label}]",
        "its interval score",
    ]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for subject, group in rows.groupby("subject", sort=False):
        by_level = group.set_index("level")
        shares = [_percent(by_level["picp"].get(level)) for level in levels]
        at = by_level.loc[0.9]
        lines.append(
            "| " + " | ".join([subject, *shares, number(at.mean_width), number(at.interval_score)]) + " |"
        )
    missing = rows[(rows["subject"] == "observations") & (rows["note"].fillna("") != "")]
    lines += ["", *(f"At {100 * row.level:g} %: {row.note}." for row in missing.itertuples())]
    errors = "of mu_max and K_m, of the first stock and of the input"
    if origin != "calibrated":
        errors = f"of the first stock and of the input, but none of mu_max and K_m, which are {origin}"
    return [
        *lines,
        "",
        f"Each tree learns from another draw of the process model, with errors {errors}; residuals at held-out sites "
        "scale the spread of the trees, those of a fold from the other folds only. Intervals are of single samples or "
        "pixels: they say nothing of sums over a region, and two of them make no interval of a change.",
        "",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if np.isfinite(share) else "-"


def truth_section(tables: dict, unit: str) -> list[str]:
    """Which map for which question, where the truth is known."""
    if "truth_best" not in tables:
        return []
    label = STOCK_LABELS[unit]
    lines = ["## Which map for which question: against the known truth", ""]
    heads = ["question", "best map", f"its error [{label}]", "next", "its error", "POML", "POML against ML"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in tables["truth_best"].in_units(unit).itertuples():
        cells = [
            row.question,
            row.best,
            number(row.error),
            row.next,
            number(row.next_error),
            number(row.poml_error),
        ]
        lines.append("| " + " | ".join([*cells, f"{100 * row.poml_against_ml:+.1f} %"]) + " |")
    lines += ["", *(f"- {name}: {text}." for name, text in MAPS.items()), ""]
    errors = tables["truth_questions"].in_units(unit).set_index(["question", "model"])["error"]
    for question in ("change, first to last year", "trend"):
        po, poml = errors.get((question, "PO")), errors.get((question, "POML"))
        if po is not None and po < poml:
            lines += [
                f"RothC run on from the first map beats POML on the {question} ({po:.3f} against {poml:.3f}).",
                "",
            ]
    lines += _zones_text(tables)
    return [*lines, "The trend is in ten years. Only a synthetic region has a truth; no method reads it.", ""]


def _zones_text(tables: dict) -> list[str]:
    """In how many zones POML is nearer to the truth than ML."""
    if "truth_by_zone" not in tables:
        return []
    rows = tables["truth_by_zone"].rows.pivot_table(index="key", columns="model", values=["level", "trend"])
    better = {
        what: int((rows[what]["POML"] < rows[what]["ML"]).sum())
        for what in ("level", "trend")
        if what in rows
    }
    words = {"level": "the level of unsampled years", "trend": "the trend"}
    told = " and ".join(f"in {count} for {words[what]}" for what, count in better.items())
    return [f"Of {len(rows)} zones POML is nearer to the truth than ML {told} (`truth_by_zone.csv`).", ""]
