"""The figures of docs/when-poml-wins.md, drawn by `when_poml_wins.py --figures DIR`."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from when_poml_wins import COMPARED, KNOBS, gains, of_scenario
from worlds import Scenario

from poml_map.pipeline.known_truth import MAPS
from poml_map.products.palette import ACCENT, INK, MUTED, NODATA_COLOR
from poml_map.products.sheet import style
from poml_map.products.validation import draw_truth, model_look

_ROOM = {"hspace": 0.42, "wspace": 0.22}
NOTE = "Synthetic data: demo regions of three seeds and variants of them"
DRAWN = ("unexplained", "noise", "sites", "wrong")
#: How wrong the process model is -> what that means, and how it is drawn.
SERIES = {
    1.0: ("growth as in the demo", ACCENT, "o", "-"),
    0.0: ("growth is RothC's own", "#1f9580", "D", (0, (5, 1.5))),
}


def draw_all(table: pd.DataFrame, folder: Path) -> None:
    """Write both figures and the errors of the demo by year."""
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        _gains(table, folder / "when-poml-wins.png")
        _weights(table, folder / "when-poml-wins-weight.png")
    _years(table, folder / "when-poml-wins-years")


def _gains(table: pd.DataFrame, path: Path) -> None:
    """Gain of POML over what is changed: a column for each knob, a row for each question."""
    figure, axes = plt.subplots(
        len(COMPARED),
        len(DRAWN),
        figsize=(10.4, 12.4),
        sharey="row",
        gridspec_kw={"hspace": 0.55, "wspace": 0.12},
    )
    for row, (title, what) in zip(axes, COMPARED.items(), strict=True):
        for panel, knob in zip(row, DRAWN, strict=True):
            _knob(panel, table, knob, what)
        row[0].set_title(title, loc="left", fontsize=12.5, fontweight="bold", color=INK)
        row[0].set_ylabel("error of POML (%)", fontsize=11, color=INK)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(0.11, 0.953), ncols=2, frameon=False, fontsize=11.5
    )
    figure.suptitle(
        "When are simulations worth their weight?", x=0.12, y=0.985, ha="left", fontsize=17, fontweight="bold"
    )
    figure.text(0.12, 0.035, f"Below 0 POML is better. Dots: three seeds; lines: their means; grey: the demo. {NOTE}.",
                fontsize=10.5, color=MUTED, wrap=True)  # fmt: skip
    figure.savefig(path, dpi=100, bbox_inches="tight", pil_kwargs={"optimize": True})
    plt.close(figure)


def _knob(panel, table: pd.DataFrame, knob: str, what: tuple[str, str]) -> None:
    values, label = KNOBS[knob]
    panel.axhline(0, color=INK, lw=1)
    panel.axvline(getattr(Scenario(), knob), color=NODATA_COLOR, lw=6, zorder=0)
    for wrong, (name, color, marker, dashes) in SERIES.items():
        if knob == "wrong" and wrong == 0:
            continue
        places, found = [], []
        for value in values:
            base = {"wrong": wrong} | ({} if value is None else {knob: value})
            scenario = Scenario(**base)
            places.append(getattr(scenario, knob))
            found.append(100 * gains(table, scenario, *what))
        panel.plot(places, [each.mean() for each in found], color=color, ls=dashes, lw=2, label=name)
        for place, each in zip(places, found, strict=True):
            panel.plot(np.full(len(each), place), each, marker, color=color, ms=5, mec="white", mew=0.5)
    _plain(panel)
    panel.set_xlabel(label, fontsize=11, color=INK)


def _weights(table: pd.DataFrame, path: Path) -> None:
    """Errors over w_p, beside maps that do not depend on it."""
    rows = {
        "held-out pooled": "held-out sites, sampled years",
        "level, unsampled years": "all pixels, years between",
        "change, first to last year": "all pixels, change in 20 years",
    }
    figure, axes = plt.subplots(len(rows), 2, figsize=(9.4, 10.2), sharex=True, gridspec_kw=_ROOM)
    for row, (question, title) in zip(axes, rows.items(), strict=True):
        for panel, (wrong, series) in zip(row, SERIES.items(), strict=True):
            _weight(panel, table, question, wrong)
            panel.set_title(f"{title}\n{series[0]}", loc="left", fontsize=11, fontweight="bold", color=INK)
            panel.set_ylabel("RMSE (kg C m⁻²)", fontsize=10.5, color=INK)
    for panel in axes[-1]:
        panel.set_xlabel("weight of the simulations, w_p", fontsize=11, color=INK)
    handles, labels = axes[1, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(0.1, 0.955), ncols=4, frameon=False, fontsize=11
    )
    figure.suptitle(
        "What sampled years cannot see", x=0.11, y=0.985, ha="left", fontsize=17, fontweight="bold"
    )
    figure.text(
        0.11, 0.035, f"Means of three seeds; dashed: the default. {NOTE}.", fontsize=10.5, color=MUTED
    )
    figure.savefig(path, dpi=100, bbox_inches="tight", pil_kwargs={"optimize": True})
    plt.close(figure)


def _weight(panel, table: pd.DataFrame, question: str, wrong: float) -> None:
    values = [Scenario().w_p if value is None else value for value in KNOBS["w_p"][0]]
    rows = {w_p: of_scenario(table, Scenario(wrong=wrong, w_p=w_p)) for w_p in values}
    mean = {
        w_p: each[each["question"] == question].groupby("model")["error"].mean() for w_p, each in rows.items()
    }
    for model in ("ML", "ML_LINEAR", "PO"):
        if model in mean[values[0]] and not (model == "ML_LINEAR" and question.startswith("change")):
            look = model_look(model)
            panel.axhline(mean[values[0]][model], color=look.color, ls=look.dashes, lw=1.8, label=look.name)
    look = model_look("POML")
    panel.plot(values, [mean[w_p]["POML"] for w_p in values], color=look.color, lw=2.2, marker=look.marker, ms=6,
               mec="white", label=look.name)  # fmt: skip
    panel.axvline(Scenario().w_p, color=INK, lw=0.9, ls="--")
    _plain(panel)


def _plain(panel) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=10, labelcolor=INK)
    panel.grid(axis="y", color="#e6e1dc", lw=0.7)
    panel.set_axisbelow(True)


def _years(table: pd.DataFrame, path: Path) -> None:
    """Error of every map in the demo by year, with least and largest of the seeds."""
    rows = of_scenario(table, Scenario())
    rows = rows[rows["question"].str.fullmatch(r"level \d{4}")]
    rows = rows.assign(year=rows["question"].str[-4:].astype(int))
    years = sorted(rows["year"].unique())
    mean, least, most = (
        rows.pivot_table(index="year", columns="model", values="error", aggfunc=how)
        for how in ("mean", "min", "max")
    )
    _, svg = draw_truth(
        path,
        title="Maps against the known truth",
        subtitle="All pixels; mean of three seeds, band of POML and ML: least and largest",
        unit="kg/m2",
        years=years,
        models={name: mean[name].to_numpy() for name in MAPS},
        ranges={name: (least[name].to_numpy(), most[name].to_numpy()) for name in ("POML", "ML")},
        sampled=[years[0], years[-1]],
        notes=["Synthetic data"],
    )
    svg.unlink()
