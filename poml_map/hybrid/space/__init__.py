"""Folds that speak for a map and not for a sample, and where a forest has anything to go by.

`blocks` holds out whole squares of land, `knndm` matches the distances of the folds to those of the map, and
`applicability` says how unlike the training a pixel is, `small_areas` and
`correlation` how wrong the mean of an area is.
"""

from .applicability import TrainingSpace
from .blocks import block_folds, suggested_block_size
from .correlation import ErrorCorrelation, pixels_that_stand_for
from .knndm import Knndm, knndm_folds, nearest_other_fold
from .small_areas import AreaErrors, SmallAreas

__all__ = [
    "AreaErrors",
    "ErrorCorrelation",
    "Knndm",
    "SmallAreas",
    "TrainingSpace",
    "block_folds",
    "knndm_folds",
    "nearest_other_fold",
    "pixels_that_stand_for",
    "suggested_block_size",
]
