"""The hybrid model: Eq. 8 training rows, the forest, its scores and cross-validation, its file.

Plain arrays in, plain arrays out; stocks in kg/m2, years on axis 0.
"""

from .folds import assert_no_leak, site_folds
from .forest import PomlForest, PomlRegressor
from .held_out import HeldOut
from .model_file import SavedForest, load_forest, save_forest
from .panel import SitePanel, site_panel
from .scores import ccc, mean_error, mec, rmse
from .training import TrainingRows, poml_weights, training_rows
from .validate import cross_validate

__all__ = [
    "HeldOut",
    "PomlForest",
    "PomlRegressor",
    "SavedForest",
    "SitePanel",
    "TrainingRows",
    "assert_no_leak",
    "ccc",
    "cross_validate",
    "load_forest",
    "mean_error",
    "mec",
    "poml_weights",
    "rmse",
    "save_forest",
    "site_folds",
    "site_panel",
    "training_rows",
]
