"""The forests of a run: held-out accuracy first, then the two forests that make the maps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from poml_map.config import Region
from poml_map.hybrid import (
    HeldOut,
    PomlForest,
    TrainingRows,
    cross_validate,
    save_forest,
)
from poml_map.hybrid.intervals import cross_validate_spread, targets_of
from poml_map.pipeline.fold_process import fold_process
from poml_map.pipeline.intervals import Intervals
from poml_map.pipeline.panel import panel_order, region_forest, region_panel
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.places import Places
from poml_map.pipeline.site_draws import DrawSettings
from poml_map.pipeline.site_model import SiteModel
from poml_map.sites import Samples

log = logging.getLogger(__name__)

_PO_KNOWS = "PO starts from the measured first stock of its site; the forests never saw the site."


@dataclass(frozen=True)
class Learned:
    """Forests, their training rows and their accuracy.

    Attributes
    ----------
    poml, ml : PomlForest
    accuracy : pandas.DataFrame
        ``model``, ``campaign``, ``n``, ``rmse``, ``ccc``, ``mean_error``, ``mec``, ``note``. [kg/m2]
    held_out : pandas.DataFrame
        Observation and held-out predictions of every model.
    training : pandas.DataFrame
        Rows of the POML forest with weights.
    details : dict
        For the manifest.
    notes : list of str
        To be read with the accuracy table.
    intervals : Intervals, optional
        If the region asks for them: the trees of `poml` then learned from draws of the process model.
    """

    poml: PomlForest
    ml: PomlForest
    accuracy: pd.DataFrame
    held_out: pd.DataFrame
    training: pd.DataFrame
    details: dict
    notes: list[str]
    intervals: Intervals | None = None

    def save(self, files: dict[str, Path], units: dict[str, str]) -> None:
        """Write both forests, ``poml`` and ``ml``, as arrays; `units` by covariate, in order."""
        for name, forest in (("poml", self.poml), ("ml", self.ml)):
            save_forest(str(files[name]), forest, columns=list(units), units=units)


def learn(
    region: Region,
    samples: Samples,
    points: xr.Dataset,
    model: SiteModel,
    parameters: Parameters,
    progress: Callable[[int, int], None] | None = None,
    places: Places | None = None,
) -> Learned:
    """Cross-validate PO, ML and POML, then fit the forests on all sites.

    Parameters
    ----------
    region : Region
    samples : Samples
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.
    model : SiteModel
    parameters : Parameters
        From all sites, for the final forests; each fold calibrates its own.
    progress : callable, optional
    places : Places, optional
        Sites of one place stay in one fold; the notes tell which.

    Returns
    -------
    Learned

    Raises
    ------
    InputError
        If the sites of a fold do not give mu_max and K_m.
    """
    settings, hybrid = region.settings, region.settings.hybrid
    panel = region_panel(region, samples, points)
    order = panel_order(panel, samples)
    process = fold_process(region, model, order, DrawSettings.of(region))
    options = fold_options(region, places, order) | {"progress": progress}
    intervals = None
    if settings.intervals is None:
        held_out = cross_validate(panel, process, **options)
    else:
        folds = settings.intervals.folds
        held_out, spread = cross_validate_spread(panel, process, calibration_folds=folds, **options)
        intervals = Intervals.of(region, panel, spread, parameters.origin)
    simulated = process.drawn(parameters.law(model))
    mixed = panel.training_rows(simulated.stocks, hybrid.w_p, time_weight=hybrid.time_weight)
    rows = {"poml": mixed, "ml": panel.training_rows(None, 0.0)}
    targets = {"poml": targets_of(mixed, panel, simulated), "ml": None}
    fitted = {
        name: region_forest(region).fit(each.X, each.y, each.weight, tree_targets=targets[name])
        for name, each in rows.items()
    }
    log.info("  %d observed and %d simulated rows", rows["poml"].n_observed, rows["poml"].n_simulated)
    return Learned(
        **fitted,
        accuracy=accuracy_table(held_out),
        held_out=pd.DataFrame(held_out.table()),
        training=training_frame(rows["poml"], settings.covariates),
        details=_details(region, rows["poml"], fitted["poml"]),
        notes=[_PO_KNOWS, *held_out.notes, *([] if places is None else places.notes), *_told(intervals)],
        intervals=intervals,
    )


def _told(intervals: Intervals | None) -> list[str]:
    if intervals is None:
        return []
    rows = intervals.coverage
    (row,) = rows[(rows["subset"] == "all") & (rows["level"] == 0.9)].to_dict(orient="records")
    inside = (
        f"{100 * row['picp']:.1f} % of held-out observations lie in their 90 % interval" if row["n"] else ""
    )
    drawn = f"POML is the mean over trees from {intervals.draws.draws} draws of RothC"
    return [f"{drawn}; {inside}" if inside else drawn, *intervals.notes]


def fold_options(region: Region, places: Places | None, order: np.ndarray) -> dict:
    """Arguments of `poml_map.hybrid.cross_validate` as the region file states them.

    Parameters
    ----------
    region : Region
    places : Places, optional
        Of ``samples.sites``.
    order : ndarray of int, shape (sites,)
        From `panel_order`.
    """
    settings, hybrid = region.settings, region.settings.hybrid
    return {
        "w_p": hybrid.w_p,
        "forest": region_forest(region),
        "n_folds": settings.validation.folds,
        "seed": settings.validation.seed,
        "places": None if places is None else places.group[order],
        "time_weight": hybrid.time_weight,
    }


def accuracy_table(held_out: HeldOut) -> pd.DataFrame:
    """Scores of each model and campaign, see `HeldOut.scores`; PO first, POML last. [kg/m2]"""
    table = pd.DataFrame(held_out.scores()).rename(columns={"subset": "campaign"})
    order = {name: position for position, name in enumerate(["PO", "ML", "POML"])}
    return table.sort_values("model", key=lambda names: names.map(order), kind="stable").reset_index(
        drop=True
    )


def training_frame(rows: TrainingRows, covariates: list[str]) -> pd.DataFrame:
    """Training rows as a table: ``site``, ``year``, ``is_simulated``, ``stock``, ``weight``, covariates. [kg/m2]"""
    head = {"site": rows.site, "year": rows.year, "is_simulated": rows.is_simulated}
    return pd.DataFrame(head | {"stock": rows.y, "weight": rows.weight}).join(
        pd.DataFrame(rows.X, columns=covariates)
    )


def _details(region: Region, rows: TrainingRows, forest: PomlForest) -> dict:
    importance = zip(region.settings.covariates, forest.feature_importances_, strict=True)
    return {
        "w_p": rows.w_p,
        "n_observed": rows.n_observed,
        "n_simulated": rows.n_simulated,
        "nodes": int(sum(tree.node_count for tree in forest.trees_)),
        "importance": dict(sorted(importance, key=lambda pair: -pair[1])),
    }
