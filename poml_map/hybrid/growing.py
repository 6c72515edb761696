"""One tree of the forest, grown the same way by every scikit-learn.

A random forest is chaotic: where two splits are equally good, the last bit of a sum decides, and from there
on the tree is another one. Ties are the rule here, because the 21 rows of a site share its terrain and soil,
and the order in which scikit-learn adds tied rows changed between 1.5 and 1.9. Measured on such a table, every
tree differed. So the tree is grown on targets and weights that are rounded to a fixed number of binary digits,
few enough for every sum to be exact in float64; then the order of the sum cannot matter. The values of the
leaves are means of the targets as they were given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree

_MANTISSA_BITS = 53  # of float64
_MOST_BITS = 20  # for the targets and for the weights: one part in a million
# The tree calls a node pure when its variance is below 2.2e-16, whatever the unit. With targets inside
# +-2^-6 rounding stays far below that, and the smallest step of a target (2^-26) lies just at it.
_LARGEST_TARGET = 2.0**-6


@dataclass(frozen=True)
class TreeTask:
    """What all trees of a forest have in common.

    Attributes
    ----------
    X : ndarray (rows, features) float32, C order
    targets : ndarray (draws, rows) float64
        Targets as given, one draw unless trees have their own; the leaves are their weighted means.
    weight : ndarray (rows,) float64
        Rounded weights, largest 1. [1]
    target_bits : int
        Binary digits that targets are rounded to.
    centre, scale : float
        A target is ``centre + scale * steps`` up to the rounding. [unit of y]
    max_features, min_samples_leaf
        As in scikit-learn.
    """

    X: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    target_bits: int
    centre: float
    scale: float
    max_features: str | int | float | None
    min_samples_leaf: int | float

    def steps(self, y) -> np.ndarray:
        """Targets of one tree, rounded and scaled, that the splits are searched with. [1]"""
        steps = (y - self.centre) / (self.scale * _LARGEST_TARGET) * 2.0**self.target_bits
        return np.rint(steps) * (_LARGEST_TARGET / 2.0**self.target_bits)


def tree_task(X, y, weight, max_features, min_samples_leaf, tree_targets=None) -> TreeTask:
    """Round targets and weights so that no sum over rows can lose a digit.

    Parameters
    ----------
    X : ndarray (rows, features) float32
    y, weight : ndarray (rows,) float64
        Finite; weights above 0 in any unit, because only their ratios count.
    tree_targets : ndarray (draws, rows) float64, optional
        Targets that trees take in turn instead of `y`.

    Notes
    -----
    All draws are rounded to the steps of one range, that of `y` and of every draw, so that no target of any tree
    leaves it: draws that equal `y` then give the trees of `y` bit for bit.
    A sum of ``n`` drawn rows, each a weight of ``p`` bits times a target of ``q`` bits, is exact in float64
    when ``p + q + bits(n) <= 53``. For 8,988 rows that leaves 19 bits for weights and 20 for targets: splits
    see SOC stocks to 0.00001 kg/m2. Weights far below the largest are kept at one step rather than lost.
    """
    free = _MANTISSA_BITS - len(y).bit_length()
    weight_bits = min(_MOST_BITS, free // 2)
    target_bits = min(_MOST_BITS, free - weight_bits)
    targets = y[np.newaxis] if tree_targets is None else tree_targets
    low, high = min(y.min(), targets.min()), max(y.max(), targets.max())
    centre, scale = _centre_and_scale(float(low), float(high))
    return TreeTask(
        X=np.ascontiguousarray(X),
        targets=targets,
        weight=np.maximum(np.rint(weight / weight.max() * 2.0**weight_bits), 1.0) / 2.0**weight_bits,
        target_bits=target_bits,
        centre=centre,
        scale=scale / _LARGEST_TARGET,
        max_features=max_features,
        min_samples_leaf=min_samples_leaf,
    )


def _centre_and_scale(low: float, high: float) -> tuple[float, float]:
    """Middle of the range and a power of two above half of it; unlike a mean, no sum can change them."""
    centre = low / 2 + high / 2
    half_range = max(high - centre, centre - low)
    return centre, 2.0 ** float(np.frexp(half_range)[1]) if half_range > 0 else 1.0


def grow_tree(task: TreeTask, seed: np.random.SeedSequence, number: int = 0) -> Tree:
    """Draw rows evenly with replacement and grow one tree on them, their weights in its loss.

    Parameters
    ----------
    task : TreeTask
    seed : SeedSequence
        Of this tree alone, so that trees can be grown in any order.
    number : int
        Of the tree in the forest, from 0: it takes the draw ``number % draws`` of the targets.

    Returns
    -------
    sklearn.tree._tree.Tree
        Leaf values are weighted means of its targets; impurities are in its unit squared.
    """
    random = np.random.default_rng(seed)
    y = task.targets[number % len(task.targets)]
    rows = len(y)
    drawn = np.bincount(random.integers(0, rows, rows), minlength=rows)
    grower = DecisionTreeRegressor(
        max_features=task.max_features,
        min_samples_leaf=task.min_samples_leaf,
        random_state=int(random.integers(2**31 - 1)),
    )
    used = np.flatnonzero(drawn)
    X, y, weight = task.X[used], y[used], drawn[used] * task.weight[used]
    tree = grower.fit(X, task.steps(y), sample_weight=weight).tree_
    _restore_unit(tree, task, X, y, weight)
    return tree


def _restore_unit(tree: Tree, task: TreeTask, X, y, weight) -> None:
    """Leaves: weighted means of the targets as given. Inner nodes: their rounded means in the same unit."""
    leaf = tree.apply(X)
    total = np.bincount(leaf, weight, minlength=tree.node_count)  # adds in the order of the rows
    sums = np.bincount(leaf, weight * y, minlength=tree.node_count)
    value, impurity = tree.value[:, 0, 0], tree.impurity
    value *= task.scale
    value += task.centre
    impurity *= task.scale**2
    is_leaf = total > 0
    value[is_leaf] = sums[is_leaf] / total[is_leaf]
