"""Folds that speak for a map and not for a sample, and where a forest has anything to go by.

`blocks` holds out whole squares of land, `knndm` matches the distances of the folds to those of the map, and
`applicability` says how unlike the training a pixel is, `averages` how wrong a mean over an area may be.
"""

from .applicability import TrainingSpace
from .averages import ErrorCorrelation, deviation_of_mean, pixels_that_stand_for
from .blocks import block_folds, suggested_block_size
from .knndm import Knndm, knndm_folds, nearest_other_fold

__all__ = [
    "ErrorCorrelation",
    "Knndm",
    "TrainingSpace",
    "block_folds",
    "deviation_of_mean",
    "knndm_folds",
    "nearest_other_fold",
    "pixels_that_stand_for",
    "suggested_block_size",
]
