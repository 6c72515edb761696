"""The forest as one list of items: thresholds in float32, leaf values as whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from ..forest import PomlForest

#: So many trees are added in int32 before the sum goes on in int64; their part for a tile stays in the cache.
TREES_AT_ONCE = 32
_LARGEST_INT32 = 2**31 - 1
_LARGEST_SQUARES = 2**62  # of all trees together, in int64
_FEATURE_SHIFT = 32  # an item is its feature in the upper half, threshold or leaf value in the lower
_LEAF = -1


class UnsupportedForest(ValueError):  # noqa: N818  (it names what is refused)
    """This engine cannot represent the forest; its own `predict` can, see `plain_maps`."""

    def __init__(self, reason: str):
        super().__init__(f"{reason}. Mend: use the forest's own predict, as `plain_maps` does.")


@dataclass(frozen=True)
class FlatForest:
    """All trees one after the other, each in preorder: a node, then its left subtree, then its right one.

    Attributes
    ----------
    items : ndarray (items,) int64
        Node: feature in the upper 32 bits, threshold (float32, as bits) in the lower ones. Leaf: -1 and its value.
    right : ndarray (items,) int32
        Where the right subtree of a node begins in `items`; the left one begins just after the node.
    first : ndarray (trees + 1,) int64
        Where each tree begins, and the end.
    n_features : int
    depth : int
        Nodes on the longest way to a leaf, at most.
    centre, step : float
        The value of a leaf is ``centre + step * whole number``. [unit of the target]
    """

    items: np.ndarray
    right: np.ndarray
    first: np.ndarray
    n_features: int
    depth: int
    centre: float
    step: float

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.first) - 1


def flatten(forest) -> FlatForest:
    """Items of a fitted forest.

    Parameters
    ----------
    forest : PomlForest, RandomForestRegressor, ExtraTreesRegressor or DecisionTreeRegressor
        Or of a class made from these.

    Raises
    ------
    UnsupportedForest
        If it is another kind of model, has several outputs, or learned where missing values go.
    ValueError
        If it is not fitted.

    Notes
    -----
    ``x <= threshold`` for a float32 `x` and a float64 threshold is ``x <= t`` with `t` the largest float32 that is
    not above the threshold: every row takes the way that scikit-learn sends it.
    """
    trees = _trees(forest)
    first = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])])
    left, right = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("children_left", "children_right")
    )
    is_leaf = left < 0
    offset = np.repeat(first[:-1], np.diff(first))
    left, right = np.where(is_leaf, 0, left + offset), np.where(is_leaf, 0, right + offset)
    place, depth = _preorder(first, left, right, is_leaf)
    values = np.concatenate([tree.value[:, 0, 0] for tree in trees])
    whole, centre, step = _whole_numbers(values[is_leaf], len(trees))
    feature = np.concatenate([tree.feature for tree in trees]).astype(np.int64)
    lower = _largest_float32(np.concatenate([tree.threshold for tree in trees])).view(np.int32)
    feature[is_leaf] = _LEAF
    lower[is_leaf] = whole
    items, starts = np.empty(len(place), np.int64), np.zeros(len(place), np.int32)
    items[place] = (feature << _FEATURE_SHIFT) | lower.view(np.uint32)
    starts[place[~is_leaf]] = place[right[~is_leaf]]
    return FlatForest(items, starts, first, int(trees[0].n_features), depth, centre, step)


def _trees(forest) -> list:
    if isinstance(forest, PomlForest):
        if not hasattr(forest, "trees_"):
            raise ValueError(f"forest is {forest!r}, expected a fitted one. Mend: call fit.")
        trees = forest.trees_
    elif isinstance(forest, RandomForestRegressor | ExtraTreesRegressor | DecisionTreeRegressor):
        members = getattr(forest, "estimators_", [forest])
        if not all(hasattr(member, "tree_") for member in members):
            raise ValueError(f"forest is {forest!r}, expected a fitted one. Mend: call fit.")
        trees = [member.tree_ for member in members]
        if any(map(_learned_missing, trees)):
            raise UnsupportedForest("the forest learned where missing values go, which boxes cannot tell")
    else:
        raise UnsupportedForest(f"the model is a {type(forest).__name__}, not a regression forest or tree")
    if trees[0].n_outputs != 1:
        raise UnsupportedForest(f"the forest has {trees[0].n_outputs} outputs, not one")
    return trees


def _learned_missing(tree) -> bool:
    """Without gaps in training scikit-learn notes the larger child as the way of missing values, or notes nothing."""
    inner = np.flatnonzero(tree.children_left >= 0)
    rows = tree.n_node_samples
    larger = rows[tree.children_left[inner]] > rows[tree.children_right[inner]]
    noted = tree.__getstate__()["nodes"]["missing_go_to_left"][inner].astype(bool)
    return bool((noted.any() and (noted != larger).any()) or np.isinf(tree.threshold[inner]).any())


def _preorder(first, left, right, is_leaf) -> tuple[np.ndarray, int]:
    """Place of every node in preorder, and the depth of the deepest tree; all trees level by level."""
    levels = [first[:-1]]
    while True:
        inner = levels[-1][~is_leaf[levels[-1]]]
        if len(inner) == 0:
            break
        levels.append(np.concatenate([left[inner], right[inner]]))
    size = np.ones(len(left), np.int64)
    for nodes in reversed(levels):
        inner = nodes[~is_leaf[nodes]]
        size[inner] += size[left[inner]] + size[right[inner]]
    place = np.empty(len(left), np.int64)
    place[levels[0]] = levels[0]
    for nodes in levels:
        inner = nodes[~is_leaf[nodes]]
        place[left[inner]] = place[inner] + 1
        place[right[inner]] = place[inner] + 1 + size[left[inner]]
    return place, len(levels) - 1


def _whole_numbers(values, n_trees: int) -> tuple[np.ndarray, float, float]:
    """Leaf values as whole numbers, as fine as the int32 sum of one round and the sum of all squares allow.

    Sums of whole numbers are the same in every order, which makes a map independent of tiles and threads. With 200
    trees and leaves from 0 to 9 kg/m2 a step is 7e-8 kg/m2.
    """
    if not (np.abs(values) <= np.finfo(np.float32).max).all():
        raise UnsupportedForest("a leaf has a value that float32 cannot hold")
    low, high = float(values.min()), float(values.max())
    centre = (low + high) / 2
    largest = min(_LARGEST_INT32 // min(n_trees, TREES_AT_ONCE), math.isqrt(_LARGEST_SQUARES // n_trees))
    # Where half the range is next to nothing, a step of 1 keeps every leaf at the centre.
    step = max(high - centre, centre - low) / largest or 1.0
    return np.clip(np.rint((values - centre) / step), -largest, largest).astype(np.int32), centre, step


def _largest_float32(thresholds) -> np.ndarray:
    """The largest float32 that is not above each float64."""
    with np.errstate(over="ignore"):
        rounded = thresholds.astype(np.float32)
    above = rounded > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
