"""Which engine maps a forest: the compiled one where it can, the forest's own `predict` where it must."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from poml_map.hybrid.arrays import differences
from poml_map.hybrid.boxes import ForestMaps, UnsupportedForest, compile_forest, plain_maps

log = logging.getLogger(__name__)

#: ``auto``: the fast engine, or scikit-learn's `predict` for a forest that it cannot represent.
FOREST_ENGINES = ("auto", "fast", "sklearn")

#: Maps of a tile from its covariates and usable pixels, as `CompiledForest.predict_maps` makes them.
ForestMapper = Callable[[Sequence[np.ndarray], np.ndarray], ForestMaps]


def forest_mapper(forest, covariates: Sequence[str], engine: str = "auto") -> ForestMapper:
    """Make a fitted forest ready to map tiles.

    Parameters
    ----------
    forest
        Fitted; what it may be, see `poml_map.hybrid.boxes.compile_forest` and `plain_maps`.
    covariates : sequence of str
        Columns in the order in which tiles will give them.
    engine : {"auto", "fast", "sklearn"}
        The choice of ``auto`` is logged where it is not the fast one.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the forest was fitted with other columns or another order, or `engine` is another word.
    UnsupportedForest
        If the fast engine is asked for and cannot represent the forest.

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
    names = getattr(forest, "feature_names_in_", None)
    if names is not None and list(names) != list(covariates):
        found = differences(list(covariates), list(names))
        raise ValueError(f"the forest was fitted with other columns: {found}. Mend: give it those it knows.")
    if engine == "sklearn":
        return partial(plain_maps, forest)
    try:
        return compile_forest(forest).predict_maps
    except UnsupportedForest as reason:
        if engine == "fast":
            raise
        log.warning("  the fast engine cannot map this forest, scikit-learn does: %s", reason)
        return partial(plain_maps, forest)
