"""The random forest of the ML and POML models.

Canonical bagging: every tree draws its rows evenly with replacement, and weights multiply the loss of the
tree. That is what scikit-learn's own forest did up to 1.8; since 1.9 it draws rows with the weights as odds,
so that at ``w_p = 0.5`` hardly an observation is left out of a tree.
"""

from __future__ import annotations

import logging

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError

from . import arrays
from .growing import grow_tree, tree_task
from .training import poml_weights, refuse_w_p
from .tree_values import mean_of_trees, spread_of_trees

_log = logging.getLogger(__name__)


class PomlForest(RegressorMixin, BaseEstimator):
    """Random forest that is the same on every scikit-learn, machine load and number of threads.

    Parameters
    ----------
    n_trees : int
    max_features : "sqrt", "log2", int, float or None
        Covariates looked at for each split; the paper's choice is the square root of their number.
    min_samples_leaf : int or float
        Drawn rows in a leaf, at least.
    seed : int
        Same seed, same rows in the same order: same forest, bit for bit.
    n_jobs : int, optional
        Threads for fitting and predicting; None is one, -1 is every core. It never changes a result.

    Attributes
    ----------
    trees_ : list of sklearn.tree._tree.Tree
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when `X` had named columns.
    n_rows_ : int
        Rows with a weight above 0, which the trees drew from.

    Notes
    -----
    Splits are searched on targets and weights of about 20 binary digits (half the range of `y` is one), so
    that every sum is exact: trees, thresholds and predictions are then equal **bit for bit** on scikit-learn
    1.5 and 1.9 (x86-64). Impurities, and with them `feature_importances_`, are only equal to about 1e-9. On
    processors where a compiler fuses multiplication and addition, two splits that are equally good may be
    taken in another order; such forests differ as two seeds do.
    Leaves are weighted means of `y` as given, in float64.

    References
    ----------
    Breiman (2001), doi:10.1023/A:1010933404324; Zhang et al. (2024), section 2.3,
    doi:10.1016/j.scitotenv.2024.170778; scikit-learn/scikit-learn#31529 on `sample_weight`.

    Examples
    --------
    >>> X = np.arange(20.0).reshape(-1, 1)
    >>> forest = PomlForest(n_trees=20).fit(X, X[:, 0] * 0.1)
    >>> forest.predict([[5.0], [np.nan]]).round(1)
    array([0.5, nan])
    """

    def __init__(self, n_trees=200, max_features="sqrt", min_samples_leaf=1, seed=0, n_jobs=None):
        self.n_trees = n_trees
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.seed = seed
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None, tree_targets=None):
        """Grow the trees.

        Parameters
        ----------
        X : array_like or table (rows, features)
            Covariates, used as float32. A NaN or infinite value is refused.
        y : array_like (rows,)
            Targets, used as float64. [kg/m2 for SOC stocks]
        sample_weight : array_like (rows,), optional
            At least 0; only ratios count. Rows of weight 0 are left out before anything is drawn, so that they
            change nothing. Default: all equal.
        tree_targets : array_like (draws, rows), optional
            Tree ``t`` learns from ``tree_targets[t % draws]`` in place of `y`: the spread of the trees then carries
            the spread of the draws too, see `predict_spread`. `y` still sets, with all draws, the range that targets
            are rounded in; draws that all equal `y` give the forest of `y` alone, bit for bit. [unit of y]

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a value is not finite, a length does not fit, or no row has a weight above 0.

        Notes
        -----
        With `tree_targets`, `predict` is the mean over the trees of all draws. Draws beyond the number of trees are
        not used.
        """
        rows = arrays.as_rows(X)
        target = arrays.as_vector("y", y, len(rows))
        weight = arrays.as_weights(sample_weight, len(rows)) if len(rows) else np.empty(0)
        draws = None if tree_targets is None else _as_draws(tree_targets, len(rows))
        return self._grow(rows, target, weight, arrays.column_names(X), draws)

    def _grow(self, rows, target, weight, names, draws=None):
        if len(rows) == 0 or rows.shape[1] == 0:
            raise ValueError(
                f"X has shape {rows.shape}, expected rows and columns. Mend: give rows to learn from."
            )
        arrays.refuse_gaps(rows, names)
        if not isinstance(self.n_trees, int | np.integer) or self.n_trees < 1:
            raise ValueError(
                f"n_trees is {self.n_trees!r}, expected a whole number from 1. Mend: n_trees=200."
            )
        used = weight > 0
        options = self.max_features, self.min_samples_leaf
        draws = None if draws is None else draws[:, used]
        task = tree_task(rows[used], target[used], weight[used], *options, draws)
        seeds = np.random.SeedSequence(self.seed).spawn(self.n_trees)
        # Threads, named outright: growing releases the lock, and a surrounding joblib context must not
        # send the rows to other processes.
        threads = Parallel(n_jobs=self.n_jobs, backend="threading")
        self.trees_ = threads(delayed(grow_tree)(task, seed, number) for number, seed in enumerate(seeds))
        self.n_features_in_ = rows.shape[1]
        self.n_rows_ = int(used.sum())
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_  # of an earlier fit
        return self

    def predict(self, X):
        """Mean over the trees.

        Safe to call from several threads at once; with ``n_jobs=None`` it starts none of its own.

        Parameters
        ----------
        X : array_like or table (rows, features)
            Used as float32. A table with names must have the columns of the fit, in their order.

        Returns
        -------
        ndarray (rows,) float64
            In the unit of `y`; NaN where a covariate is NaN or infinite (in float32). Each row's value is the
            same bit for bit, whatever other rows are predicted with it and however many threads there are.

        Raises
        ------
        ValueError
            If columns differ from those of the fit, or nothing was fitted.
        """
        return self._of_usable_rows(X, mean_of_trees)[0]

    def predict_spread(self, X):
        """Mean over the trees, and the standard deviation of their values.

        The deviation tells where trees disagree. It is no error of a prediction: a single observation has noise of its
        own, and trees share what none of them knows. `poml_map.hybrid.intervals` scales it by held-out observations.

        Parameters
        ----------
        X : array_like or table (rows, features)
            As in `predict`.

        Returns
        -------
        mean : ndarray (rows,) float64
            Bit for bit that of `predict`.
        sd : ndarray (rows,) float64
            Divided by the number of trees, not by one less; 0 where all trees agree. In the unit of `y`; NaN as in
            `predict`.

        Raises
        ------
        ValueError
            As `predict`.

        Examples
        --------
        >>> forest = PomlForest(n_trees=2, seed=1).fit([[0.0], [0.0]], [1.0, 1.0], tree_targets=[[1, 1], [3, 3]])
        >>> mean, sd = forest.predict_spread([[0.0]])
        >>> mean, sd
        (array([2.]), array([1.]))
        """
        mean, sd = self._of_usable_rows(X, spread_of_trees)
        return mean, sd

    def predict_change(self, X, later):
        """Mean over the trees of what each says of the later rows minus what it says of the earlier, and its spread.

        Parameters
        ----------
        X, later : array_like or table (rows, features)
            The same places at two times, as in `predict`.

        Returns
        -------
        mean, sd : ndarray (rows,) float64
            The errors that a tree has at both times drop out of `sd`, which is no sum of two spreads. As in
            `predict_spread`; NaN where either row has a gap.

        Raises
        ------
        ValueError
            As `predict`, or if `X` and `later` differ in length.

        Examples
        --------
        >>> forest = PomlForest(n_trees=2, seed=1).fit([[0.0], [0.0]], [1.0, 1.0], tree_targets=[[1, 1], [3, 3]])
        >>> forest.predict_change([[0.0]], [[5.0]])
        (array([0.]), array([0.]))
        """
        for rows in (X, later):
            self._refuse_other_columns(rows)
        width = self.n_features_in_
        before, after = (arrays.as_rows(rows, width) for rows in (X, later))
        if len(before) != len(after):
            raise ValueError(
                f"X has {len(before)} rows and later {len(after)}, expected as many. Mend: give the same places twice."
            )

        def of_trees(trees, rows):
            return spread_of_trees(trees, rows[:, :width], rows[:, width:])

        mean, sd = self._of_rows(np.hstack([before, after]), of_trees)
        return mean, sd

    def _of_usable_rows(self, X, of_trees):
        """`_of_rows` of what a user gave."""
        self._refuse_other_columns(X)
        return self._of_rows(arrays.as_rows(X, self.n_features_in_), of_trees)

    def _of_rows(self, rows, of_trees):
        """What `of_trees` makes (numbers, rows) of the rows without a gap; NaN for the others."""
        usable = np.isfinite(rows).all(axis=1)
        if usable.all():
            return self._predict_rows(rows, of_trees)
        found = self._predict_rows(rows[usable], of_trees)
        result = np.full((len(found), len(rows)), np.nan)
        result[:, usable] = found
        return result

    def _refuse_other_columns(self, X):
        if not hasattr(self, "trees_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted. Mend: call fit first.")
        names, expected = arrays.column_names(X), getattr(self, "feature_names_in_", None)
        if names is not None and expected is not None and names != list(expected):
            found = arrays.differences(names, list(expected))
            raise ValueError(
                f"X has other columns than the forest was fitted with: {found}. "
                "Mend: select them, X[forest.feature_names_in_]."
            )

    def _predict_rows(self, rows, of_trees):
        # Threads share out rows, never trees: each row then adds its trees in one fixed order.
        threads = max(1, min(effective_n_jobs(self.n_jobs), len(rows)))
        if threads == 1:
            return of_trees(self.trees_, rows)
        parts = Parallel(n_jobs=threads, backend="threading")(
            delayed(of_trees)(self.trees_, part) for part in np.array_split(rows, threads)
        )
        return np.concatenate(parts, axis=1)

    @property
    def feature_importances_(self):
        """Share of each covariate in the decrease of weighted impurity, mean over trees. Sums to 1. [1]

        Correlated covariates share it, and those with many distinct values are favoured.
        """
        if not hasattr(self, "trees_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted. Mend: call fit first.")
        split = [tree for tree in self.trees_ if tree.node_count > 1]
        if not split:
            return np.zeros(self.n_features_in_)
        mean = np.mean([tree.compute_feature_importances() for tree in split], axis=0)
        return mean / mean.sum()


def _as_draws(tree_targets, length: int) -> np.ndarray:
    """`tree_targets` as float64 (draws, rows), refused when one is not finite."""
    draws = np.asarray(tree_targets, dtype=np.float64)
    if draws.ndim != 2 or draws.shape[1] != length or len(draws) == 0:
        raise ValueError(
            f"tree_targets has shape {draws.shape}, expected (draws, {length}), one draw at least. "
            "Mend: one value per draw and row of X."
        )
    bad = ~np.isfinite(draws)
    if bad.any():
        draw, row = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"tree_targets[{draw}, {row}] is {draws[draw, row]:g} ({int(bad.sum())} such values), expected finite "
            "numbers. Mend: give every draw a value in every row."
        )
    return draws


class PomlRegressor(PomlForest):
    """The POML model for people with a table of rows: observed and simulated stocks in one forest (Eq. 8).

    Parameters
    ----------
    w_p : float
        Weight of the simulated rows, 0 to 1. At 0 the forest is the one on observed rows alone, at 1 the one on
        simulated rows alone, bit for bit.
    n_trees, max_features, min_samples_leaf, seed, n_jobs
        As in `PomlForest`.

    Attributes
    ----------
    n_observed_, n_simulated_ : int
        Rows of each kind in the table that was fitted.
    simulated_share_ : float
        Share of the simulated rows in the sum of weights: `w_p`, or 0 if there are none. [1]

    References
    ----------
    Zhang et al. (2024), Eq. 8, doi:10.1016/j.scitotenv.2024.170778

    Examples
    --------
    >>> year = np.arange(1980, 2001)
    >>> stock = 2.5 + 0.02 * (year - 1980)
    >>> is_simulated = ~np.isin(year, [1980, 2000])
    >>> model = PomlRegressor(w_p=0.5, n_trees=50).fit(year[:, None], stock, is_simulated)
    >>> model.n_observed_, model.n_simulated_, model.simulated_share_
    (2, 19, 0.5)
    """

    def __init__(self, w_p=0.5, n_trees=200, max_features="sqrt", min_samples_leaf=1, seed=0, n_jobs=None):
        super().__init__(n_trees, max_features, min_samples_leaf, seed, n_jobs)
        self.w_p = w_p

    def fit(self, X, y, is_simulated=None):
        """Weigh the rows by Eq. 8 and grow the trees.

        Parameters
        ----------
        X : array_like or table (rows, features)
            Covariates at the place **and year** of each row. NaN is refused.
        y : array_like (rows,)
            Observed or simulated stock. [kg/m2]
        is_simulated : array_like (rows,) of bool, optional
            True where `y` comes from the process model. Default: nowhere; `w_p` then has no effect.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `w_p` is outside 0-1, no row is observed, or as in `PomlForest.fit`.
        """
        refuse_w_p(self.w_p)
        rows = arrays.as_rows(X)
        target = arrays.as_vector("y", y, len(rows))
        simulated = (
            np.zeros(len(rows), bool)
            if is_simulated is None
            else arrays.as_flags("is_simulated", is_simulated, len(rows))
        )
        n_simulated, n_observed = int(simulated.sum()), int((~simulated).sum())
        of_observed, of_simulated = poml_weights(n_observed, n_simulated, self.w_p)
        if n_simulated == 0:
            _log.info("w_p = %g has no effect: there are no simulated rows", self.w_p)
        weight = np.where(simulated, of_simulated, of_observed)
        self._grow(rows, target, weight, arrays.column_names(X))
        self.n_observed_, self.n_simulated_ = n_observed, n_simulated
        self.simulated_share_ = float(self.w_p) if n_simulated else 0.0
        return self
