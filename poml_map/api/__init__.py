"""What a notebook composes: samples, RothC at sites and on maps, training rows, cross-validation, on labelled objects.

Every function here gives labels, units and one-line refusals to a function that the runs of `poml-map` call themselves;
none has a second way of its own. `poml_map` names them all.
"""

from poml_map.api.calibration import calibrate
from poml_map.api.samples import read_samples
from poml_map.api.scores import CrossValidation, cross_validate
from poml_map.api.simulation import simulate
from poml_map.api.training import training_table

__all__ = [
    "CrossValidation",
    "calibrate",
    "cross_validate",
    "read_samples",
    "simulate",
    "training_table",
]
