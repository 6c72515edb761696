"""Which engine maps a forest: the compiled one where it can, the forest's own `predict` where it must."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_regressor

from poml_map.hybrid.arrays import differences
from poml_map.hybrid.boxes import ForestMaps, UnsupportedForest, compile_forest, plain_maps

log = logging.getLogger(__name__)

#: ``auto``: the fast engine, or scikit-learn's `predict` for a forest that it cannot represent.
FOREST_ENGINES = ("auto", "fast", "sklearn")

#: Maps of a tile from its covariates and usable pixels, as `CompiledForest.predict_maps` makes them.
ForestMapper = Callable[[Sequence[np.ndarray], np.ndarray], ForestMaps]


def forest_mapper(
    forest,
    covariates: Sequence[str],
    engine: str = "auto",
    *,
    tree_sd: bool = False,
    quantiles: Sequence[float] = (),
) -> ForestMapper:
    """Make a fitted forest ready to map tiles.

    Parameters
    ----------
    forest
        Fitted; what it may be, see `poml_map.hybrid.boxes.compile_forest` and `plain_maps`.
    covariates : sequence of str
        Columns in the order in which tiles will give them.
    engine : {"auto", "fast", "sklearn"}
        The choice of ``auto`` is logged where it is not the fast one.
    tree_sd, quantiles
        What to map beside the mean, see `CompiledForest.predict_maps`. The fast engine alone can.

    Returns
    -------
    callable
        It starts no threads.

    Raises
    ------
    ValueError
        If the forest was fitted with other columns or another order, is no regressor with one output, or `engine` is
        another word.
    UnsupportedForest
        If the fast engine is asked for, or needed, and cannot represent the forest.

    Examples
    --------
    >>> from poml_map.hybrid import PomlForest
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> maps = forest_mapper(PomlForest(n_trees=5).fit(X, X[:, 0]), ["ELEV"], engine="sklearn")
    >>> maps([[[5.0, 7.0]]], np.array([[True, False]]))["mean"].round()
    array([[[ 5., nan]]], dtype=float32)
    """
    if engine not in FOREST_ENGINES:
        raise ValueError(
            f"engine is {engine!r}, expected one of {', '.join(FOREST_ENGINES)}. Mend: use auto."
        )
    _refuse_no_regressor(forest)
    _refuse_other_columns(forest, list(covariates))
    spread = {"tree_sd": tree_sd, "quantiles": tuple(quantiles)}
    wants_spread = any(spread.values())
    if engine == "sklearn":
        if wants_spread:
            raise ValueError("tree_sd and quantiles need the fast engine. Mend: engine='auto'.")
        return _plain_mapper(forest, covariates)
    try:
        return partial(compile_forest(forest).predict_maps, **spread)
    except UnsupportedForest as reason:
        if engine == "fast" or wants_spread:
            raise
        why = str(reason).partition(". Mend: ")[0]
        log.warning("  the fast engine cannot map this forest, scikit-learn does: %s", why)
        return _plain_mapper(forest, covariates)


def change_mapper(forest, covariates: Sequence[str]) -> ForestMapper:
    """Make a fitted forest ready to map changes between two years: `CompiledForest.predict_change`.

    Parameters
    ----------
    forest
        Fitted.
    covariates : sequence of str

    Raises
    ------
    ValueError
        As `forest_mapper`.
    UnsupportedForest
        If the fast engine cannot represent the forest: scikit-learn's `predict` does not tell trees apart.
    """
    _refuse_no_regressor(forest)
    _refuse_other_columns(forest, list(covariates))
    return compile_forest(forest).predict_change


def _refuse_no_regressor(forest) -> None:
    if not isinstance(forest, BaseEstimator) or not is_regressor(forest):
        raise ValueError(
            f"the model is a {type(forest).__name__}, expected a regressor of scikit-learn or of poml_map. "
            "Mend: classes have no mean that could be mapped; fit a regressor."
        )
    outputs = getattr(forest, "n_outputs_", 1)
    if outputs != 1:
        raise ValueError(f"the model has {outputs} outputs, expected one. Mend: fit a forest for each.")
    if not hasattr(forest, "n_features_in_"):
        raise ValueError(f"the model is {forest!r}, expected a fitted one. Mend: call fit.")


def _refuse_other_columns(forest, covariates: list[str]) -> None:
    names = getattr(forest, "feature_names_in_", None)
    found = "" if names is None else differences(covariates, list(names))
    if not found and len(covariates) != forest.n_features_in_:
        found = f"{len(covariates)} covariates, expected {forest.n_features_in_}"
    if found:
        raise ValueError(f"the forest was fitted with other columns: {found}. Mend: give it those it knows.")


def _plain_mapper(forest, covariates: Sequence[str]) -> ForestMapper:
    return partial(plain_maps, _Plain(forest, list(covariates)))


class _Plain:
    """A forest's own `predict` for rows without names, in the thread that calls."""

    def __init__(self, forest, columns: list[str]):
        self.n_features_in_ = len(columns)
        self._columns = columns if hasattr(forest, "feature_names_in_") else None
        self._forest = copy.copy(forest)
        if hasattr(forest, "n_jobs"):
            self._forest.n_jobs = None

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """One value a row."""
        # Rows without names make scikit-learn warn where it was fitted with some.
        return self._forest.predict(
            rows if self._columns is None else pd.DataFrame(rows, columns=self._columns)
        )
