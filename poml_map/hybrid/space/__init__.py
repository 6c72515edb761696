"""Folds that speak for a map and not for a sample, and where a forest has anything to go by.

`blocks` holds out whole squares of land, `knndm` matches the distances of the folds to those of the map, and
`applicability` says how unlike the training a pixel is.
"""

from .applicability import TrainingSpace
from .blocks import block_folds, suggested_block_size
from .knndm import Knndm, knndm_folds, nearest_other_fold

__all__ = [
    "Knndm",
    "TrainingSpace",
    "block_folds",
    "knndm_folds",
    "nearest_other_fold",
    "suggested_block_size",
]
