"""How much a validation does: all of it, more repeats, or a first look within a minute."""

from __future__ import annotations

from dataclasses import dataclass

from poml_map.config import Region
from poml_map.hybrid.evaluation.curve import TREES, WEIGHTS
from poml_map.hybrid.training import TIME_WEIGHTS

_QUICK_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Plan:
    """What a validation does.

    Attributes
    ----------
    repeats : int
        Random foldings.
    trees : int
        Of the forests that are scored.
    curve_trees : int
        Of the forests of the w_p curve and of the nested choice.
    weights : tuple of float
        w_p of the curve.
    time_weights : tuple of str
    nested, spatial, intervals, maps : bool
        Whether w_p is chosen in nested folds, spatial foldings are scored, intervals are made, and all pixels mapped.
    """

    repeats: int
    trees: int
    curve_trees: int
    weights: tuple[float, ...] = WEIGHTS
    time_weights: tuple[str, ...] = TIME_WEIGHTS
    nested: bool = True
    spatial: bool = True
    intervals: bool = True
    maps: bool = True

    @property
    def notes(self) -> list[str]:
        """What is less than the whole; it stands on every figure."""
        return [] if self.maps else [f"A quick look: {self.trees} trees, one folding"]


def make_plan(region: Region, repeats: int | None = None, quick: bool = False) -> Plan:
    """The plan of a region file and the options of the command.

    Parameters
    ----------
    region : Region
    repeats : int, optional
        Default ``validation.repeats`` of the region file; one with `quick`.
    quick : bool
        One folding, 50 trees, five weights; no nested choice, spatial folds, intervals or maps.

    Returns
    -------
    Plan
    """
    settings = region.settings
    fewer = min(TREES, settings.hybrid.n_trees)
    if quick:
        return Plan(
            repeats or 1,
            fewer,
            fewer,
            _QUICK_WEIGHTS,
            TIME_WEIGHTS[:1],
            nested=False,
            spatial=False,
            intervals=False,
            maps=False,
        )
    return Plan(repeats or settings.validation.repeats, settings.hybrid.n_trees, fewer)
