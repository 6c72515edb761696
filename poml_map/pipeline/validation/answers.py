"""What a validation found, in words: the page `validation.md` and the lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from poml_map.hybrid.evaluation import KNOWS_FIRST, MODELS
from poml_map.hybrid.evaluation.score_tables import TARGETS
from poml_map.pipeline.known_truth import MAPS
from poml_map.pipeline.validation.short import short_answers
from poml_map.units import STOCK_LABELS

KNOWS_NOTE = (
    "* PO and persistence start from the measured first stock of the very site they are scored at; the forests never "
    "saw the site. They answer another question: how does a stock go on that was measured once?"
)


def score_lines(scores: pd.DataFrame, unit: str, folding: str = "random") -> list[str]:
    """The scores of one folding as lines of a terminal, stocks in `unit`."""
    label = STOCK_LABELS[unit]
    lines = [
        f"{'model':<12}" + "".join(f"{f'RMSE {target}':>13}" for target in TARGETS) + f"{'CCC pooled':>13}"
    ]
    of_folding = scores[scores["folding"] == folding]
    for model in MODELS:
        rows = of_folding[of_folding["model"] == model].set_index("target")
        if len(rows):
            cells = "".join(f"{_number(rows['rmse'].get(target)):>13}" for target in TARGETS)
            star = "*" if model in KNOWS_FIRST else " "
            lines.append(f"{model + star:<12}{cells}{_number(rows['ccc'].get('pooled')):>13}")
    lines.append(f"RMSE in {label} at held-out sites; change: later campaign minus first.")
    return [*lines, KNOWS_NOTE]


def campaign_markdown(campaigns: pd.DataFrame, unit: str) -> list[str]:
    """Stocks of each campaign, and their change, as a Markdown table: table S1 of the paper."""
    numbers = ["mean", "sd", "min", "q25", "median", "q75", "max"]
    heads = [STOCK_LABELS[unit], "n", "mean", "SD", "least", "25 %", "median", "75 %", "largest"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in campaigns.to_dict(orient="records"):
        cells = [row["what"], str(row["n"]), *(_number(row[name]) for name in numbers)]
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
        cells = [f"{row.model}{star}", row.target, str(row.n), *map(_number, numbers), row.note]
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
    return lines


def weight_sentences(tables: dict, unit: str) -> Iterator[str]:
    """What was found about w_p."""
    if "w_p_summary" not in tables:
        return
    table, label = tables["w_p_summary"].in_units(unit), STOCK_LABELS[unit]
    for weight, rows in table.groupby("time_weight", sort=False):
        at = rows.set_index("choice")
        nested, best = at.loc["nested"], at.loc["best on the same folds"]
        text = (
            f"Weights {_TIME[weight]}: chosen in nested folds (mean w_p {nested.w_p:.2f}) the RMSE is "
            f"{nested.rmse:.4f} {label}; the best weight on the very folds it is scored on ({best.w_p:g}) shows "
            f"{best.rmse:.4f}"
        )
        text += f", which is {best.optimism:.4f} too good" if best.optimism > 0 else ""
        yield text + (
            f"; the default w_p = 0.5 has {at.loc['default'].rmse:.4f}." if "default" in at.index else "."
        )


_BOOTSTRAP = (
    "95 %: sites drawn anew 4,000 times, whole. Below 0 the first model is better. Of many pairs one in "
    "twenty would look different by chance alone."
)

_TIME = {"constant": "the same in every year", "distance": "by years to the nearest campaign"}


def _number(value) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.3f}"


def page(
    gathered, assessed, tables: dict, notes: list[str], fits, figures: dict[str, str], left_out: list[str]
) -> str:
    """`validation.md`.

    Parameters
    ----------
    gathered : Gathered
    assessed : Assessed
    tables : dict of str -> Table
    notes : list of str
        What must not be overlooked.
    fits : Fits
    figures : dict of str -> str
        File without ending -> caption.
    left_out : list of str

    Returns
    -------
    str
        Markdown.
    """
    settings = gathered.region.settings
    unit = settings.units
    parts = [f"# Which model to believe: {settings.title or settings.name}", ""]
    parts += [f"> **{note}.**" for note in notes] + [""]
    parts += ["## In short", "", *short_answers(tables, unit), ""]
    parts += [
        "Scores are of places that no training ever saw, in sampled years: without a known truth no score tells how "
        "good a map is in a year without samples.",
        "",
    ]
    parts += ["## What was observed", "", *campaign_markdown(tables["campaigns"].in_units(unit), unit), ""]
    parts += ["## Scores at held-out sites", "", *score_markdown(tables["scores"].in_units(unit), unit), ""]
    parts += _repeats_text(assessed)
    parts += ["## Differences, paired over sites", ""]
    parts += [*difference_markdown(tables["differences"].in_units(unit), unit), "", _BOOTSTRAP, ""]
    weights = list(weight_sentences(tables, unit))
    if weights:
        parts += ["## The weight of the simulations, w_p", "", *(f"- {text}" for text in weights), ""]
    parts += _space_text(tables, unit)
    parts += _interval_text(tables, unit)
    parts += _truth_text(tables, unit)
    parts += ["## Figures", ""]
    for name, caption in figures.items():
        parts += [f"![{caption}]({name}.png)", "", f"*{caption}* ([SVG]({name}.svg))", ""]
    parts += ["## What was looked at", "", *(f"- {text[0].upper()}{text[1:]}." for text in assessed.checks)]
    parts += [f"- {text[0].upper()}{text[1:]}." for text in fits.lines()]
    counts = gathered.samples.counts()
    parts += [
        f"- Samples: {counts['n_used']} of {counts['n_in']} rows used, {counts['n_sites']} sites "
        f"({counts['sites_with_one_campaign']} with one campaign, {counts['sites_outside_mask']} outside the mask)."
    ]
    parts += [
        "",
        "## What was left out, and why",
        "",
        *([f"- {text}." for text in left_out] or ["Nothing."]),
    ]
    return "\n".join([*parts, ""])


def _repeats_text(assessed) -> list[str]:
    repeats, folds = len(assessed.random), len(assessed.random[0].folding.numbers)
    return [
        f"{repeats} random folding{'s' * (repeats > 1)} into {folds} folds by site, the same in all years and for all "
        "models; mu_max and K_m from the training sites of each fold. All held-out pairs are pooled before they are "
        "scored; ± are standard deviations over repeats and over single folds.",
        "",
    ]


def _space_text(tables: dict, unit: str) -> list[str]:
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
        own = [_number(later.get((scored, model))) for model in ("POML", "ML")]
        cells = [
            row.folding,
            row.question,
            *own,
            f"{row.median_distance_km:.2f}",
            f"{row.wasserstein_km:.2f}",
        ]
        lines.append("| " + " | ".join([*cells, row.detail]) + " |")
    lines += [
        "",
        "W: Wasserstein distance between the distances of the folds and those of the map's pixels.",
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


def _interval_text(tables: dict, unit: str) -> list[str]:
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
        shares = [f"{100 * by_level['picp'].get(level):.1f} %" for level in levels]
        at = by_level.loc[0.9]
        lines.append(
            "| " + " | ".join([subject, *shares, _number(at.mean_width), _number(at.interval_score)]) + " |"
        )
    return [
        *lines,
        "",
        "Each tree learns from another draw of the process model (errors of mu_max and K_m, of the first stock and of "
        "the input); residuals at held-out sites scale the spread of the trees, those of a fold from the other folds "
        "only. Intervals are of single samples or pixels: they say nothing of sums over a region, and two of them make "
        "no interval of a change.",
        "",
    ]


def _truth_text(tables: dict, unit: str) -> list[str]:
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
            _number(row.error),
            row.next,
            _number(row.next_error),
            _number(row.poml_error),
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
