"""How good PO, ML and POML are at sites that they never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from poml_map.api.samples import region_of, samples_and_points
from poml_map.config import Region
from poml_map.cube import region_grid
from poml_map.errors import InputError, Problem
from poml_map.hybrid import PomlForest, PomlRegressor
from poml_map.hybrid import cross_validate as predict_held_out
from poml_map.pipeline.fold_process import fold_process
from poml_map.pipeline.learning import accuracy_table, fold_options
from poml_map.pipeline.panel import panel_order, region_panel
from poml_map.pipeline.places import find_places
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model


@dataclass(frozen=True)
class CrossValidation:
    """Predictions at held-out sites, and what they are worth.

    Attributes
    ----------
    scores : pandas.DataFrame
        ``model`` (PO, ML, POML), ``campaign``, ``n``, ``rmse``, ``ccc``, ``mean_error``, ``mec``, ``note``: over all
        rows, each campaign, and ``common``, the rows that all models predict. [kg/m2], CCC and MEC [1]
    held_out : pandas.DataFrame
        ``site``, ``year``, ``observed``, ``PO``, ``ML``, ``POML``, ``fold``, ``is_later``. [kg/m2] PO is NaN at a
        site's first campaign, which it starts from.
    notes : list of str
        To be read with the scores.
    """

    scores: pd.DataFrame
    held_out: pd.DataFrame
    notes: list[str]


def cross_validate(
    samples: xr.Dataset,
    region: Region | str | Path,
    model: PomlRegressor | Mapping[object, PomlRegressor] | None = None,
    *,
    folds: int | None = None,
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CrossValidation | dict:
    """Predict every observation by models that never saw its site.

    Sites are dealt into folds once, for all models; sites of one place stay together. For each fold mu_max and K_m are
    calibrated on the other folds' sites only, and their simulated rows alone train POML.

    Parameters
    ----------
    samples : xarray.Dataset
        From `read_samples`.
    region : Region, str or Path
    model : PomlRegressor, or dict of name -> PomlRegressor, optional
        Its `w_p` and the settings of its forest count, fitted or not; by default those of the region file. Several
        are tried on the same folds, and RothC is calibrated once for all of them.
    folds, seed : int, optional
        By default those of the region file.
    progress : callable, optional
        ``progress(done, total)`` after each forest.

    Returns
    -------
    CrossValidation, or dict of name -> CrossValidation
        The accuracy table of ``poml-map run`` for the same region; where the region asks for intervals, POML of a run
        learns from draws of RothC too, and this one does not.

    Raises
    ------
    InputError
        If the sites of a fold do not give mu_max and K_m, or `folds` or `w_p` is out of range.

    References
    ----------
    Zhang et al. (2024), section 2.4, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> import poml_map
    >>> region = poml_map.load_region("demo/region.yaml")
    >>> few = poml_map.PomlRegressor(w_p=0.5, n_trees=5)
    >>> found = poml_map.cross_validate(poml_map.read_samples(region), region, few, folds=2)
    >>> found.scores.query("campaign == 'all'")["model"].tolist()
    ['PO', 'ML', 'POML']
    >>> found.held_out["fold"].unique().size
    2
    """
    region = region_of(region)
    table, points = samples_and_points(samples, region)
    process = build_site_model(region, table, points, process_options(region))
    panel = region_panel(region, table, points)
    order = panel_order(panel, table)
    places = find_places(table, region_grid(region).crs)
    options = fold_options(region, places, order) | {"progress": progress}
    options |= {name: value for name, value in (("n_folds", folds), ("seed", seed)) if value is not None}
    of_folds = fold_process(region, process, order)

    def of(each: PomlRegressor | None) -> CrossValidation:
        try:
            found = predict_held_out(panel, of_folds, **options | _of_model(each))
        except ValueError as error:
            reason, _, mend = str(error).partition(". Mend: ")
            raise InputError(Problem("arguments", "", reason, "", mend[:1].upper() + mend[1:])) from error
        notes = [*found.notes, *places.notes]
        return CrossValidation(accuracy_table(found), pd.DataFrame(found.table()), notes)

    return {name: of(each) for name, each in model.items()} if isinstance(model, Mapping) else of(model)


def _of_model(model: PomlRegressor | None) -> dict:
    """What of a model counts: w_p and the settings of its forest."""
    if model is None:
        return {}
    if not isinstance(model, PomlRegressor):
        raise InputError(Problem("arguments", "model", f"a {type(model).__name__}", "a PomlRegressor", ""))
    settings = model.get_params()
    return {"w_p": settings.pop("w_p"), "forest": PomlForest(**settings)}
