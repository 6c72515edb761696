"""The tables of a validation, stocks in kg/m2 until they are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map import schema
from poml_map.hybrid import SitePanel
from poml_map.hybrid.evaluation import MODELS, Evaluation, difference_rows, score_rows
from poml_map.pipeline.validation.assess import Assessed
from poml_map.pipeline.validation.gather import Gathered
from poml_map.units import stock_factor

#: What a mean over sites is made of beside the models.
OBSERVED = "observed"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes
    ----------
    name : str
        Of its file, without ending.
    rows : pandas.DataFrame
    stocks : tuple of str
        Columns in kg/m2.
    """

    name: str
    rows: pd.DataFrame
    stocks: tuple[str, ...] = ()

    def in_units(self, unit: str) -> pd.DataFrame:
        """The rows with stocks in `unit`.

        Examples
        --------
        >>> Table("a", pd.DataFrame({"rmse": [0.4], "ccc": [0.7]}), ("rmse",)).in_units("t/ha")
           rmse  ccc
        0   4.0  0.7
        """
        held = {name: self.rows[name] * stock_factor(unit) for name in self.stocks if name in self.rows}
        return self.rows.assign(**held)


def tables_of(gathered: Gathered, assessed: Assessed) -> dict[str, Table]:
    """All tables of what was scored at sites, by name.

    Parameters
    ----------
    gathered : Gathered
    assessed : Assessed

    Returns
    -------
    dict of str -> Table
    """
    first = assessed.random[0]
    made = [
        score_table([assessed.random]),
        difference_table([assessed.random]),
        _held_out(assessed.random),
        _campaigns(gathered.panel),
        _folds(gathered, assessed.random),
        _time_series(first),
        _zone_trends(gathered, first),
        _drivers(gathered),
        _importance(gathered, first),
        *_weights(assessed),
    ]
    return {table.name: table for table in made}


def score_table(foldings: Iterable[list[Evaluation]]) -> Table:
    """Scores of every folding; its repeats are one list."""
    rows = [row for repeats in foldings for row in score_rows(repeats)]
    stocks = [
        name for name in rows[0] if name.startswith(("rmse", "me_", "fold_rmse")) or name in ("me", "fold_me")
    ]
    return Table("scores", pd.DataFrame(rows), tuple(stocks))


def difference_table(foldings: Iterable[list[Evaluation]]) -> Table:
    """Paired differences of every folding."""
    rows = [row for repeats in foldings for row in difference_rows(repeats)]
    return Table("differences", pd.DataFrame(rows), ("rmse_a", "rmse_b", "difference", "low", "high"))


def _held_out(repeats: list[Evaluation]) -> Table:
    frames = []
    for each in repeats:
        panel, models = each.panel, [model for model in MODELS if model in each.predicted]
        site, year = np.nonzero(panel.has_observation.T)
        head = {"repeat": each.folding.repeat, "fold": each.folding.fold[site], "site": panel.sites[site]}
        head |= {"year": panel.years[year], OBSERVED: panel.observed[year, site]}
        frames.append(pd.DataFrame(head | {model: each.predicted[model][year, site] for model in models}))
    return Table("held_out", pd.concat(frames, ignore_index=True), (OBSERVED, *MODELS))


def _campaigns(panel: SitePanel) -> Table:
    """Stocks of each campaign and their change: table S1 of the paper."""
    sampled = np.flatnonzero(panel.has_observation.any(axis=1))
    groups = {str(panel.years[at]): panel.observed[at][panel.has_observation[at]] for at in sampled}
    year, site = np.nonzero(panel.later_campaign)
    begin = np.argmax(panel.first_campaign, axis=0)[site]
    if len(year):
        groups["change"] = panel.observed[year, site] - panel.observed[begin, site]
    rows = [{"what": what, "n": len(values), **_summary(values)} for what, values in groups.items()]
    return Table("campaigns", pd.DataFrame(rows), ("mean", "sd", "min", "q25", "median", "q75", "max"))


def _summary(values: np.ndarray) -> dict[str, float]:
    low, q25, median, q75, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    spread = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return {
        "mean": float(values.mean()),
        "sd": spread,
        "min": low,
        "q25": q25,
        "median": median,
        "q75": q75,
        "max": high,
    }


def _folds(gathered: Gathered, repeats: list[Evaluation]) -> Table:
    x, y = gathered.position
    head = {"site": gathered.panel.sites, "x_m": x, "y_m": y, "place": gathered.place_of_site}
    folds = {f"random_{each.folding.repeat}": each.folding.fold for each in repeats}
    return Table("folds", pd.DataFrame(head | folds))


def courses(found: Evaluation) -> dict[str, np.ndarray]:
    """Stocks (years, sites) of the models whose course is of interest; PO begins with the stock that it starts from."""
    panel = found.panel
    known = {model: found.predicted[model] for model in ("PO", "ML", "POML") if model in found.predicted}
    if "PO" in known:
        known["PO"] = np.where(panel.first_campaign, panel.observed, known["PO"])
    return known


def _over_sites(stocks: np.ndarray, sites: np.ndarray | None = None) -> dict[str, np.ndarray]:
    chosen = stocks if sites is None else stocks[:, sites]
    n = (~np.isnan(chosen)).sum(axis=1)
    total = np.nansum(chosen, axis=1)
    mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    squares = np.nansum((chosen - mean[:, None]) ** 2, axis=1)
    return {
        "n": n,
        "mean": mean,
        "sd": np.sqrt(np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)),
    }


def _time_series(found: Evaluation) -> Table:
    """Mean and SD over sites of every year: figure 6 of the paper."""
    panel, frames = found.panel, []
    for name, stocks in {**courses(found), OBSERVED: panel.observed}.items():
        frames.append(pd.DataFrame({"model": name, "year": panel.years, **_over_sites(stocks)}))
    table = pd.concat(frames, ignore_index=True)
    return Table("time_series", table[table["n"] > 0].reset_index(drop=True), ("mean", "sd"))


def _zone_trends(gathered: Gathered, found: Evaluation) -> Table:
    """Mean over the sites of each zone: figure S2 of the paper."""
    zones, cube, panel, frames = gathered.zones(), gathered.cube, found.panel, []
    for at in np.unique(zones[zones >= 0]):
        named = {"key": cube.zone_keys()[at], "zone": cube.zone_names()[at]}
        for model, stocks in {**courses(found), OBSERVED: panel.observed}.items():
            frames.append(
                pd.DataFrame(
                    {**named, "model": model, "year": panel.years, **_over_sites(stocks, zones == at)}
                )
            )
    if not frames:
        return Table("zone_trends", pd.DataFrame(columns=["key", "zone", "model", "year", "n", "mean", "sd"]))
    table = pd.concat(frames, ignore_index=True)
    return Table("zone_trends", table[table["n"] > 0].reset_index(drop=True), ("mean", "sd"))


def _drivers(gathered: Gathered) -> Table:
    """Annual covariates and drivers over time at the sites: figure S4 of the paper."""
    points, years, frames = gathered.points, gathered.panel.years, []
    for name in points.data_vars:
        values = points[name]
        if set(values.dims) != {"year", "site"}:
            continue
        array = values.transpose("year", "site").to_numpy()
        low, high = np.nanquantile(array, [0.1, 0.9], axis=1)
        about = {"name": name, "long_name": _long_name(name), "unit": values.attrs.get("units", "")}
        about |= {"year": years, "mean": np.nanmean(array, axis=1), "q10": low, "q90": high}
        frames.append(pd.DataFrame(about))
    columns = ["name", "long_name", "unit", "year", "mean", "q10", "q90"]
    return Table("drivers", pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns))


def _long_name(name: str) -> str:
    known = schema.COLUMNS.get(name)
    return known.long_name if known else name


def _importance(gathered: Gathered, found: Evaluation) -> Table:
    rows = []
    names = gathered.region.settings.covariates
    for model in dict.fromkeys(each.model for each in found.importance):
        of_model = [each for each in found.importance if each.model == model]
        for index, name in enumerate(names):
            row = {"model": model, "covariate": name}
            for kind in ("permutation", "impurity"):
                values = np.array([getattr(each, kind)[index] for each in of_model])
                row |= {kind: values.mean(), f"{kind}_sd": values.std(ddof=1)}
            rows.append(row)
    return Table("importance", pd.DataFrame(rows), ("permutation", "permutation_sd"))


def _weights(assessed: Assessed) -> list[Table]:
    stocks = ("rmse", "rmse_t1", "rmse_t2", "rmse_change", "inner_rmse", "optimism")
    found = []
    if assessed.curve:
        found.append(Table("w_p_curve", pd.DataFrame(assessed.curve.rows()), stocks))
    if assessed.choice:
        found.append(Table("w_p_choice", pd.DataFrame(assessed.choice.rows()), stocks))
        found.append(Table("w_p_summary", pd.DataFrame(assessed.choice.summary()), stocks))
    return found
