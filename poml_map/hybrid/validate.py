"""Cross-validation of PO, ML and POML at sites that none of their training ever saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.base import clone

from .forest import PomlForest
from .held_out import HeldOut
from .panel import SitePanel
from .training import TrainingRows, refuse_w_p

MODEL_STEPS = 3  # per fold: calibrated process model, ML forest, POML forest


def site_folds(site_ids, n_folds: int = 5, seed: int = 0) -> np.ndarray:
    """Fold of each site, drawn over the different ids: once for all years and models.

    Parameters
    ----------
    site_ids : array_like (n,)
        Site ids of sites or of rows; repeated ids get one fold.
    n_folds : int
        2 to the number of sites.
    seed : int

    Returns
    -------
    ndarray (n,) of int
        0 to `n_folds` - 1, whatever the order of `site_ids`; sizes (in sites) differ by 1 at most.

    Raises
    ------
    ValueError
        If `n_folds` is below 2 or above the number of sites.

    References
    ----------
    Zhang et al. (2024), section 2.4, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> np.bincount(site_folds(np.arange(428), n_folds=5)).tolist()
    [86, 86, 86, 85, 85]
    """
    sites, position = np.unique(np.asarray(site_ids), return_inverse=True)
    if not 2 <= n_folds <= len(sites):
        raise ValueError(
            f"n_folds is {n_folds}, expected 2 to {len(sites)}, the number of sites. "
            "Mend: choose fewer folds, or give more sites."
        )
    fold = np.empty(len(sites), dtype=np.int64)
    fold[np.random.default_rng(seed).permutation(len(sites))] = np.sort(np.arange(len(sites)) % n_folds)
    return fold[position]


def assert_no_leak(training: TrainingRows, held_out_sites) -> None:
    """Refuse training rows, observed or simulated, of a site that is held out.

    A simulation starts from the site's own first observation; left in training it makes an unseen site look a
    third more accurate than it is.

    Raises
    ------
    ValueError
        Naming the kind of row and the first sites.

    Examples
    --------
    >>> from poml_map.hybrid import training_rows
    >>> rows = training_rows(np.zeros((2, 1)), [2, 2], ["a", "b"], [1980, 1981], [False, True], 0.5)
    >>> assert_no_leak(rows, ["b"])
    Traceback (most recent call last):
    ...
    ValueError: held-out sites have simulated rows in training: b (1 site). Mend: select training rows by site.
    """
    held_out = np.isin(training.site, np.asarray(held_out_sites))
    for kind, of_kind in (("observed", ~training.is_simulated), ("simulated", training.is_simulated)):
        leaked = np.unique(training.site[held_out & of_kind])
        if len(leaked):
            named = ", ".join(str(site) for site in leaked[:5])
            raise ValueError(
                f"held-out sites have {kind} rows in training: {named} ({len(leaked)} "
                f"site{'s' if len(leaked) > 1 else ''}). Mend: select training rows by site."
            )


def cross_validate(
    panel: SitePanel,
    process_model: Callable[[np.ndarray], np.ndarray],
    *,
    w_p: float = 0.5,
    forest: PomlForest | None = None,
    n_folds: int = 5,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> HeldOut:
    """Predict every observation by PO, ML and POML that were trained on the other folds' sites only.

    Parameters
    ----------
    panel : SitePanel
    process_model : callable
        ``process_model(is_training)`` with bool (sites,) in the order of ``panel.sites`` calibrates on those
        sites and returns the stocks of **all** sites, (years, sites) [kg/m2], each started from its own first
        observation; NaN before that or where it cannot be run. Called once per fold.
    w_p : float
        0 to 1.
    forest : PomlForest, optional
        Its settings are used, itself stays as it is; default ``PomlForest()``.
    n_folds, seed : int
        As in `site_folds`.
    progress : callable, optional
        ``progress(done, total)`` after each fitted model.

    Returns
    -------
    HeldOut
        One row per observation.

    Raises
    ------
    ValueError
        If `n_folds` or `w_p` is out of range, the process model returns another shape or infinite stocks, or a
        held-out site got into training.

    Notes
    -----
    PO knows the first stock of a held-out site, so it is NaN there and scored at later campaigns only. ML is
    POML without simulated rows; where there is none (or ``w_p = 0``) it is fitted once and serves as both.

    References
    ----------
    Zhang et al. (2024), section 2.4, doi:10.1016/j.scitotenv.2024.170778
    """
    refuse_w_p(w_p)
    forest = PomlForest() if forest is None else forest
    fold_of_site = site_folds(panel.sites, n_folds, seed)
    predicted = {model: np.full(panel.observed.shape, np.nan) for model in ("PO", "ML", "POML")}
    steps = _counted(progress, MODEL_STEPS * n_folds)
    any_simulated = False
    for fold in range(n_folds):
        held_out = fold_of_site == fold
        stocks = panel.checked_stocks(process_model(~held_out))
        predicted["PO"][:, held_out] = np.where(panel.later_campaign, stocks, np.nan)[:, held_out]
        next(steps)
        observed_only = panel.training_rows(None, 0.0, ~held_out)
        mixed = panel.training_rows(stocks, w_p, ~held_out)
        any_simulated |= mixed.n_simulated > 0
        _predict_held_out(panel, clone(forest), observed_only, held_out, predicted["ML"])
        next(steps)
        if mixed.is_simulated.any():
            _predict_held_out(panel, clone(forest), mixed, held_out, predicted["POML"])
        else:  # the same rows and weights as ML: the same forest
            predicted["POML"][:, held_out] = predicted["ML"][:, held_out]
        next(steps)
    return _held_out(panel, predicted, fold_of_site, [] if any_simulated else [mixed.w_p_note])


def _counted(progress, total: int) -> Iterator[int]:
    """Each ``next`` reports one more model as done."""
    for done in range(1, total + 1):
        if progress is not None:
            progress(done, total)
        yield done


def _predict_held_out(panel, forest, training, held_out, into) -> None:
    assert_no_leak(training, panel.sites[held_out])
    forest.fit(training.X, training.y, training.weight)
    wanted = panel.has_observation & held_out
    into[wanted] = forest.predict(panel.X[wanted])


def _held_out(panel, predicted, fold_of_site, notes) -> HeldOut:
    site, year = np.nonzero(panel.has_observation.T)  # sorted by site, then year
    later = panel.later_campaign[year, site]
    if not later.any():
        notes = [*notes, "PO is not scored: no site has a second campaign, and PO knows the first"]
    return HeldOut(
        site=panel.sites[site],
        year=panel.years[year],
        observed=panel.observed[year, site],
        **{model: values[year, site] for model, values in predicted.items()},
        fold=fold_of_site[site],
        is_later=later,
        notes=tuple(notes),
    )
