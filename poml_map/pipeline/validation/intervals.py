"""Do prediction intervals hold what they promise, at sites that their forests never saw?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from poml_map.hybrid.evaluation import random_folding
from poml_map.hybrid.intervals import (
    LEVELS,
    HeldOutSpread,
    coverage_row,
    coverage_table,
    held_out_spread,
    pit_table,
)
from poml_map.pipeline.known_truth import found_truth, true_sites
from poml_map.pipeline.site_draws import DrawSettings
from poml_map.pipeline.validation.assess import Fits
from poml_map.pipeline.validation.gather import Gathered
from poml_map.pipeline.validation.plan import Plan
from poml_map.pipeline.validation.tables import Table
from poml_map.settings import Intervals

#: What is covered -> what it tells.
SUBJECTS = {
    "observations": "held-out observations: what a sample taken there would show",
    "trees alone": "the same by the spread of the trees as if it were normal, without calibration",
    "true stock, sampled years": "the true stock of the synthetic region at held-out sites",
    "true stock, unsampled years": "the same in years without samples",
}


@dataclass(frozen=True)
class IntervalsFound:
    """Intervals at held-out sites.

    Attributes
    ----------
    spreads : list of HeldOutSpread
        One for each random folding.
    draws : DrawSettings
        The errors that they carry.
    tables : dict of str -> Table
        ``intervals`` (coverage), ``interval_pit``, and ``interval_sites`` (limits of the first folding).
    """

    spreads: list[HeldOutSpread]
    draws: DrawSettings
    tables: dict[str, Table]


def assess_intervals(gathered: Gathered, plan: Plan, fits: Fits) -> IntervalsFound:
    """Intervals of every site and year by forests that never saw the site, scaled by residuals of other folds.

    In as many folds as calibrate the maps of a run, ``intervals.folds``: what is judged is what is mapped.

    Parameters
    ----------
    gathered : Gathered
    plan : Plan
    fits : Fits
        Counts along.

    Returns
    -------
    IntervalsFound
    """
    settings, panel = gathered.region.settings, gathered.panel
    asked, draws = settings.intervals or Intervals(), DrawSettings.of(gathered.region) or DrawSettings()
    process = gathered.process.with_draws(draws)
    n_folds = interval_folds(gathered)
    foldings = [
        random_folding(panel.sites, n_folds, settings.validation.seed, gathered.place_of_site, repeat)
        for repeat in range(plan.repeats)
    ]
    fits.begin()
    spreads = [
        held_out_spread(
            panel,
            process,
            folding.fold,
            w_p=settings.hybrid.w_p,
            forest=gathered.forest(plan.trees, folding.repeat),
            time_weight=settings.hybrid.time_weight,
            grown=lambda: fits.grown("intervals"),
        )
        for folding in foldings
    ]
    levels = sorted({*LEVELS, asked.level})
    truth = _truth(gathered)
    rows = [row for each in spreads for row in _coverage(each, panel.years, levels, truth)]
    stocks = ("mean_width", "interval_score", "crps")
    pit = [row for each in spreads for row in pit_table(each, panel.years)]
    found = [
        Table("intervals", _over_repeats(rows, ["subject", "subset", "level"]), stocks),
        Table("interval_pit", _pit(pit), stocks),
        Table(
            "interval_sites",
            _sites(gathered, spreads[0], asked.level),
            ("observed", "mean", "low", "high", "sd"),
        ),
    ]
    return IntervalsFound(spreads, draws, {table.name: table for table in found})


def interval_folds(gathered: Gathered) -> int:
    """Folds that calibrate intervals: those of a run, or as many as there are places."""
    asked = gathered.region.settings.intervals or Intervals()
    return min(asked.folds, len(np.unique(gathered.place_of_site)))


def _truth(gathered: Gathered) -> np.ndarray | None:
    folder = found_truth(gathered.region)
    return None if folder is None else true_sites(folder, gathered.panel.sites, gathered.region.years)


def _coverage(found: HeldOutSpread, years, levels: Iterable[float], truth: np.ndarray | None) -> list[dict]:
    levels = list(levels)
    rows = [{"subject": "observations", **row} for row in coverage_table(found, years, levels)]
    rows += _of_subject("trees alone", found.observed, _normal(found), levels)
    if truth is None:
        return rows
    is_sampled = (~np.isnan(found.observed)).any(axis=1)
    for subject, chosen in (("sampled", is_sampled), ("unsampled", ~is_sampled)):
        if chosen.any():
            values = np.where(chosen[:, None], truth, np.nan)
            rows += _of_subject(f"true stock, {subject} years", values, found.limits, levels)
    return rows


def _normal(found: HeldOutSpread) -> Callable:
    def limits(level: float) -> tuple[np.ndarray, np.ndarray]:
        reach = norm.ppf((1 + level) / 2) * found.sd
        return found.mean - reach, found.mean + reach

    return limits


def _of_subject(subject: str, values: np.ndarray, limits: Callable, levels: list[float]) -> list[dict]:
    known = ~np.isnan(values)
    rows = []
    for level in levels:
        low, high = limits(level)
        row = coverage_row(values[known], low[known], high[known], level)
        rows.append({"subject": subject, "subset": "all", **row})
    return rows


def _over_repeats(rows: list[dict], keys: list[str]) -> pd.DataFrame:
    """Means over the repeats, and the SD of the coverage."""
    table = pd.DataFrame(rows)
    groups = table.groupby(keys, sort=False)
    numbers = ["picp", "below", "above", "mean_width", "interval_score"]
    found = groups[numbers].mean()
    found.insert(0, "n", groups["n"].first())
    found.insert(2, "picp_repeat_sd", groups["picp"].std())
    found["note"] = groups["note"].first()
    return found.reset_index()


def _pit(rows: list[dict]) -> pd.DataFrame:
    """Counts of the classes as columns, means over the repeats: they hold the same observations."""
    subsets: dict[str, list[dict]] = {}
    for row in rows:
        subsets.setdefault(row["subset"], []).append(row)
    found = []
    for subset, group in subsets.items():
        counts = np.mean([row["counts"] for row in group], axis=0)
        classes = {f"pit_{at}": float(count) for at, count in enumerate(counts)}
        crps = float(np.mean([row["crps"] for row in group]))
        found.append({"subset": subset, "n": round(counts.sum()), "crps": crps, **classes})
    return pd.DataFrame(found)


def _sites(gathered: Gathered, found: HeldOutSpread, level: float) -> pd.DataFrame:
    """Mean, limits and deviation of every site and year."""
    panel = gathered.panel
    low, high = found.limits(level)
    year, site = (each.ravel() for each in np.indices(found.mean.shape))
    order = np.lexsort((year, site))
    columns = {
        "observed": panel.observed,
        "mean": found.mean,
        "low": low,
        "high": high,
        "sd": found.deviation(),
    }
    head = {"site": panel.sites[site[order]], "year": panel.years[year[order]]}
    return pd.DataFrame(head | {name: values.ravel()[order] for name, values in columns.items()})
