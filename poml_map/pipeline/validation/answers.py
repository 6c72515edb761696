"""What a validation found, in words: the page `validation.md` and the lines for the terminal."""

from __future__ import annotations

import pandas as pd

from poml_map.hybrid.evaluation import KNOWS_FIRST, MODELS
from poml_map.hybrid.evaluation.score_tables import TARGETS
from poml_map.pipeline.validation.sections import (
    KNOWS_NOTE,
    campaign_markdown,
    difference_markdown,
    interval_section,
    number,
    score_markdown,
    space_section,
    truth_section,
    weight_sentences,
)
from poml_map.pipeline.validation.short import short_answers
from poml_map.units import STOCK_LABELS


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
            knows = model in KNOWS_FIRST
            # Pooled, such a model has its later campaigns alone: that is no score beside those of the others.
            shown = rows.drop(index="pooled") if knows else rows
            cells = "".join(f"{number(shown['rmse'].get(target)):>13}" for target in TARGETS)
            lines.append(
                f"{model + ('*' if knows else ' '):<12}{cells}{number(shown['ccc'].get('pooled')):>13}"
            )
    lines.append(f"RMSE in {label} at held-out sites; change: later campaign minus first.")
    return [*lines, KNOWS_NOTE]


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
    parts += [
        "## In short",
        "",
        *short_answers(tables, unit, settings.hybrid.w_p, settings.hybrid.time_weight),
        "",
    ]
    parts += [
        "Scores are of places that no training ever saw, in sampled years: without a known truth no score tells how "
        "good a map is in a year without samples.",
        "",
    ]
    parts += ["## What was observed", "", *campaign_markdown(tables["campaigns"].in_units(unit), unit), ""]
    parts += ["## Scores at held-out sites", "", *score_markdown(tables["scores"].in_units(unit), unit), ""]
    parts += _repeats_text(assessed, gathered.parameters.origin)
    parts += ["## Differences, paired over sites", ""]
    parts += [*difference_markdown(tables["differences"].in_units(unit), unit), ""]
    weights = list(weight_sentences(tables, unit))
    if weights:
        parts += ["## The weight of the simulations, w_p", "", *(f"- {text}" for text in weights), ""]
    parts += space_section(tables, unit)
    parts += interval_section(tables, unit, gathered.parameters.origin)
    parts += truth_section(tables, unit)
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


def _repeats_text(assessed, origin: str) -> list[str]:
    repeats, folds = len(assessed.random), len(assessed.random[0].folding.numbers)
    law = {
        "calibrated": "mu_max and K_m from the training sites of each fold",
        "assumed": "mu from the assumed change and the training sites of each fold",
    }.get(origin, "mu_max and K_m as given")
    return [
        f"{repeats} random folding{'s' * (repeats > 1)} into {folds} folds by site, the same in all years and for all "
        f"models; {law}. All held-out pairs are pooled before they are scored; ± are standard deviations over repeats "
        "(other folds, other forests) and over single folds.",
        "",
    ]
