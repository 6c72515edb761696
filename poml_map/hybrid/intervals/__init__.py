"""Prediction intervals: the spread of trees that learned from draws, scaled by held-out observations."""

from .campaigns import CampaignConformal
from .change import HeldOutChange, TreeSpread
from .conformal import Conformal
from .coverage import LEVELS, coverage_row, coverage_table, interval_score, pit_table
from .cross import HeldOutSpread, cross_limits
from .held_out import fit_drawn, held_out_spread
from .targets import draw_targets, targets_of
from .validate import cross_validate_spread

__all__ = [
    "LEVELS",
    "CampaignConformal",
    "Conformal",
    "HeldOutChange",
    "HeldOutSpread",
    "TreeSpread",
    "coverage_row",
    "coverage_table",
    "cross_limits",
    "cross_validate_spread",
    "draw_targets",
    "fit_drawn",
    "held_out_spread",
    "interval_score",
    "pit_table",
    "targets_of",
]
