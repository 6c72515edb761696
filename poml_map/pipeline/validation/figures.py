"""Which figures a validation draws, and what each of them shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.hybrid.evaluation import MODELS
from poml_map.hybrid.evaluation.score_tables import TARGETS, pairs_of
from poml_map.pipeline.validation.assess import Assessed
from poml_map.pipeline.validation.gather import Gathered
from poml_map.pipeline.validation.sections import best_target
from poml_map.pipeline.validation.spatial import QUESTIONS, Spatial
from poml_map.pipeline.validation.tables import OBSERVED, Table
from poml_map.products import can_be_drawn, unit_text
from poml_map.products import validation as products
from poml_map.units import stock_factor


class Figures:
    """Draws into one folder, and keeps what each figure shows.

    Parameters
    ----------
    gathered : Gathered
    folder : Path
    notes : list of str
        What stands on every figure.

    Attributes
    ----------
    captions : dict of str -> str
        File without ending -> what it shows, in the order in which they were drawn.
    """

    def __init__(self, gathered: Gathered, folder: Path, notes: list[str]):
        settings = gathered.region.settings
        self.captions: dict[str, str] = {}
        self.unit, self.name = settings.units, settings.title or settings.name
        self.depth, self._folder, self._notes = settings.depth_cm, folder, notes

    def draw(self, function: Callable, name: str, caption: str, subtitle: str = "", **what) -> None:
        """Draw one figure, if there is anything to draw."""
        function(
            self._folder / name,
            title=caption,
            subtitle=subtitle or self.name,
            notes=self._notes,
            **what,
        )
        self.captions[name] = caption


def draw_site_figures(
    gathered: Gathered, assessed: Assessed, tables: dict[str, Table], figures: Figures
) -> None:
    """Draw what was found at the sites: the paper's figures 2, 5, 6, 7, S2 and S4, importance and differences.

    Parameters
    ----------
    gathered : Gathered
    assessed : Assessed
    tables : dict of str -> Table
    figures : Figures
        Draws, and keeps the captions.
    """
    unit = gathered.region.settings.units
    shown = {name: table.in_units(unit) for name, table in tables.items()}
    _histograms(gathered, figures)
    _scatter(assessed, shown["scores"], figures)
    _courses(shown, figures)
    _differences(shown["differences"], figures)
    if "w_p_curve" in shown:
        _weights(assessed, shown, figures)
    _importance(shown["importance"], figures)
    _drivers(shown["drivers"], figures)


def _histograms(gathered: Gathered, figures: Figures) -> None:
    panel, factor = gathered.panel, stock_factor(figures.unit)
    seen = panel.has_observation
    sampled = np.flatnonzero(seen.any(axis=1))
    year, site = np.nonzero(panel.later_campaign)
    begin = np.argmax(panel.first_campaign, axis=0)[site]
    figures.draw(
        products.draw_histograms,
        "histograms",
        "Observed stocks and their change",
        unit=figures.unit,
        stocks={int(panel.years[at]): factor * panel.observed[at][seen[at]] for at in sampled},
        change=factor * (panel.observed[year, site] - panel.observed[begin, site]) if len(year) else None,
        change_name=_change_name(panel.years[sampled]),
    )


def _change_name(campaigns: np.ndarray) -> str:
    return f"{campaigns[-1]} minus {campaigns[0]}" if len(campaigns) == 2 else "later minus first"


def _scatter(assessed: Assessed, scores: pd.DataFrame, figures: Figures) -> None:
    found, factor = assessed.random[0], stock_factor(figures.unit)
    panels, reasons = {}, {}
    # As figure 5 of the paper: PO and ML on first campaigns at later ones, ML and POML at all.
    for model, target in (("PO", "t2"), ("ML_T1", "t2"), ("ML", "pooled"), ("POML", "pooled")):
        pairs = pairs_of(found.panel, found.predicted[model], target, model)
        row = scores[
            (scores["folding"] == "random") & (scores["model"] == model) & (scores["target"] == target)
        ]
        row = row.iloc[0]
        numbers = {name: row[name] for name in ("n", "rmse", "ccc", "me", "mec")}
        panels[model] = factor * pairs.observed, factor * pairs.predicted, numbers
        if row["note"]:
            reasons[model] = row["note"]
    figures.draw(
        products.draw_scatter,
        "scatter",
        "Observed and predicted stocks at held-out sites",
        "PO and ML on the first campaign: later campaigns; ML and POML: all. PO knows the first stock of its site",
        unit=figures.unit,
        panels=panels,
        reasons=reasons,
    )


def _series(rows: pd.DataFrame, years: list[int]) -> pd.DataFrame:
    return rows.set_index("year").reindex(years)


def _courses(shown: dict[str, pd.DataFrame], figures: Figures) -> None:
    table = shown["time_series"]
    years = list(range(int(table["year"].min()), int(table["year"].max()) + 1))
    observed = table[table["model"] == OBSERVED]
    by_model = {model: _series(table[table["model"] == model], years) for model in ("PO", "ML", "POML")}
    figures.draw(
        products.draw_time,
        "courses",
        "Mean stock of the sites over time",
        "Each site predicted by models that never saw it; PO starts from its first stock",
        unit=figures.unit,
        years=years,
        models={model: (rows["mean"].to_numpy(), rows["sd"].to_numpy()) for model, rows in by_model.items()},
        observed=tuple(observed[name].to_numpy() for name in ("year", "mean", "sd", "n")),
    )
    zones = shown["zone_trends"]
    if zones.empty:
        return
    labels = zone_labels(dict(zip(zones["key"], zones["zone"], strict=True)))
    of_zone = {labels[key]: zones[zones["key"] == key] for key in sorted(labels, key=labels.get)}
    figures.draw(
        products.draw_zone_trends,
        "zone_trends",
        "Mean stock of the sites of each zone",
        "Each site predicted by models that never saw it",
        unit=figures.unit,
        years=years,
        zones={
            name: {
                model: _series(rows[rows["model"] == model], years)["mean"].to_numpy()
                for model in ("PO", "ML", "POML")
            }
            for name, rows in of_zone.items()
        },
        observed={
            name: tuple(rows.loc[rows["model"] == OBSERVED, key].to_numpy() for key in ("year", "mean", "n"))
            for name, rows in of_zone.items()
        },
    )


def zone_labels(names: dict[str, str]) -> dict[str, str]:
    """What zones are called in a figure, by key: their name, unless another has it too or no font has its letters.

    Examples
    --------
    >>> zone_labels({"1": "Anhe", "2": "Beilan", "3": "Anhe", "4": chr(0x10FFFD)})
    {'1': 'Anhe (1)', '2': 'Beilan', '3': 'Anhe (3)', '4': '4'}
    """
    often = Counter(names.values())
    labels = {key: f"{name} ({key})" if often[name] > 1 else name for key, name in names.items()}
    return {key: label if can_be_drawn(label) else key for key, label in labels.items()}


def _differences(differences: pd.DataFrame, figures: Figures) -> None:
    rows = differences[differences["folding"] == "random"]
    if len(rows):
        figures.draw(
            products.draw_differences,
            "differences",
            "Which model is better?",
            "Differences of RMSE at the same held-out sites, 95 % by a bootstrap over sites",
            unit=figures.unit,
            rows=rows.to_dict(orient="records"),
        )


def _weights(assessed: Assessed, shown: dict[str, pd.DataFrame], figures: Figures) -> None:
    curve = shown["w_p_curve"]
    choice = {}
    if assessed.choice:
        summary = shown["w_p_summary"]
        nested = summary[summary["choice"] == "nested"].set_index("time_weight")
        choice = {
            "chosen": {name: assessed.choice.chosen(name).tolist() for name in nested.index},
            "nested": nested.to_dict(orient="index"),
        }
    figures.draw(
        products.draw_weights,
        "weights",
        "The weight of the simulations, w_p",
        f"POML at held-out sites, forests of {assessed.curve.forest.n_trees} trees",
        unit=figures.unit,
        curves={
            name: rows.to_dict(orient="records") for name, rows in curve.groupby("time_weight", sort=False)
        },
        **choice,
    )


def _importance(importance: pd.DataFrame, figures: Figures) -> None:
    names = list(dict.fromkeys(importance["covariate"]))
    models = [model for model in MODELS if model in set(importance["model"]) and model != "ML_T1"]
    by_model = {
        model: importance[importance["model"] == model].set_index("covariate").loc[names] for model in models
    }
    figures.draw(
        products.draw_importance,
        "importance",
        "What the forests live on",
        "Each covariate is shuffled among held-out sites, ten times",
        what=f"Rise of the RMSE when shuffled ({unit_text(figures.unit)})",
        names=names,
        models={
            model: (rows["permutation"].to_numpy(), rows["permutation_sd"].to_numpy())
            for model, rows in by_model.items()
        },
    )


def _drivers(drivers: pd.DataFrame, figures: Figures) -> None:
    if drivers.empty:
        return
    years = sorted(drivers["year"].unique())
    figures.draw(
        products.draw_drivers,
        "drivers",
        "What changed over time",
        "Mean and middle 80 % of the sites",
        years=years,
        drivers={
            name: (
                rows["unit"].iloc[0],
                rows["long_name"].iloc[0],
                *(rows[key].to_numpy() for key in ("mean", "q10", "q90")),
            )
            for name, rows in drivers.groupby("name", sort=False)
        },
    )


def draw_spatial_figures(spatial: Spatial, tables: dict[str, Table], figures: Figures) -> None:
    """Draw scores by folding, and the distances that make them differ."""
    scores = tables["scores"].in_units(figures.unit)
    target, same = best_target(scores), spatial.same_as_random
    questions = dict(QUESTIONS)
    if same:
        questions["random"] += f"; {questions[same]} ({same} gives the same folds)"
    rows = [
        {"folding": name, "question": questions[name], "model": row.model, "rmse": row.rmse}
        for name in questions
        for row in scores[(scores["folding"] == name) & (scores["target"] == target)].itertuples()
        if row.model != "ML_T1"
    ]
    figures.draw(
        products.draw_folding_scores,
        "foldings",
        "Which score speaks for the map?",
        f"RMSE, {TARGETS[target]}, by how sites were held out. PO and persistence know the first stock",
        unit=figures.unit,
        rows=rows,
    )
    names = {
        "random": f"random folds and {same}" if same else "random folds",
        "kNNDM": "kNNDM",
        "blocks": "blocks",
    }
    curves = {"pixels of the map to the sites": spatial.distances["map"]}
    curves |= {
        text: spatial.distances[name]
        for name, text in names.items()
        if name in spatial.distances and name != same
    }
    figures.draw(
        products.draw_distances,
        "distances",
        "How far from what was learned",
        "Distance to the nearest site that a model was trained on",
        curves=curves,
    )


def draw_interval_figure(tables: dict[str, Table], figures: Figures) -> None:
    """Draw coverage over nominal level, and the histogram of the probability integral transform."""
    rows = tables["intervals"].in_units(figures.unit)
    rows = rows[rows["subset"] == "all"]
    pit = tables["interval_pit"].rows.set_index("subset").loc["all"]
    figures.draw(
        products.draw_intervals,
        "intervals",
        "Do the intervals hold?",
        "Held-out sites; the limits of a fold come from residuals of the other folds",
        unit=figures.unit,
        coverage={
            name: group.to_dict(orient="records") for name, group in rows.groupby("subject", sort=False)
        },
        pit=[pit[name] for name in pit.index if name.startswith("pit_")],
    )
