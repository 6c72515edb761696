"""Every model at sites that it never saw: over repeated random folds, and along w_p."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from poml_map.errors import InputError
from poml_map.hybrid.evaluation import (
    Evaluation,
    Folding,
    evaluate,
    random_folding,
    refuse_leaky_process,
)
from poml_map.hybrid.evaluation.choice import WeightChoice, choose_w_p
from poml_map.hybrid.evaluation.curve import WeightCurve, w_p_curve
from poml_map.hybrid.evaluation.evaluate import forests_of
from poml_map.pipeline.progress import Progress
from poml_map.pipeline.validation.gather import Gathered
from poml_map.pipeline.validation.plan import Plan
from poml_map.settings import Intervals

log = logging.getLogger(__name__)


@dataclass
class Fits:
    """Forests that were grown, by what for, and the seconds that took; tells how far it is.

    Attributes
    ----------
    total : int
        That are planned.
    done : dict of str -> int
    seconds : dict of str -> float
    """

    total: int
    done: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        self._progress, self._last = Progress("forests"), time.monotonic()

    def begin(self) -> None:
        """What follows is counted from now on."""
        self._last = time.monotonic()

    def grown(self, what: str) -> None:
        """One more forest for this."""
        now = time.monotonic()
        self.done[what] = self.done.get(what, 0) + 1
        self.seconds[what] = self.seconds.get(what, 0.0) + now - self._last
        self._last = now
        self._progress(sum(self.done.values()), self.total)

    def lines(self) -> list[str]:
        """One line for each kind."""
        return [f"{what}: {n} forests in {self.seconds[what]:.0f} s" for what, n in self.done.items()]


@dataclass(frozen=True)
class Assessed:
    """What came out at held-out sites.

    Attributes
    ----------
    random : list of Evaluation
        One for each repeat.
    curve : WeightCurve or None
    choice : WeightChoice or None
    left_out : list of str
        What could not be done, and why.
    checks : list of str
        What was looked for and not found, or found and mended.
    """

    random: list[Evaluation]
    curve: WeightCurve | None
    choice: WeightChoice | None
    left_out: list[str]
    checks: list[str]


def planned_forests(gathered: Gathered, plan: Plan) -> int:
    """Forests that a plan grows at most, for people who wait."""
    folds = gathered.region.settings.validation.folds
    keys = len(plan.time_weights) * (len(plan.weights) - 1) + 1
    nested = len(list(combinations(range(folds), 2))) * keys if plan.nested else 0
    folding = _foldings(gathered, plan)[0]
    spatial = 2 * 2 * folds if plan.spatial else 0
    maps = 2 if plan.maps else 0
    asked = gathered.region.settings.intervals or Intervals()
    intervals = plan.repeats * asked.folds if plan.intervals else 0
    return plan.repeats * forests_of(folding) + folds * keys + nested + spatial + intervals + maps


def assess(gathered: Gathered, plan: Plan, fits: Fits) -> Assessed:
    """Score the models on random folds, draw the curve over w_p, and choose it in nested folds.

    Parameters
    ----------
    gathered : Gathered
    plan : Plan
    fits : Fits
        Counts along.

    Returns
    -------
    Assessed

    Raises
    ------
    InputError
        If there are fewer places than folds, or a fold does not give mu_max and K_m.
    ValueError
        If the process model knows held-out observations, or a held-out site got into training.
    """
    panel, settings, process = gathered.panel, gathered.region.settings, gathered.process
    foldings = _foldings(gathered, plan)
    checks = [_leak_check(gathered, process, foldings[0]), _place_check(gathered)]
    for text in checks:
        log.info("  %s", text)
    fits.begin()
    random = [
        evaluate(
            panel,
            process,
            folding,
            w_p=settings.hybrid.w_p,
            forest=gathered.forest(plan.trees, folding.repeat),
            time_weight=settings.hybrid.time_weight,
            importance=folding.repeat == 0,
            grown=lambda: fits.grown("random folds"),
        )
        for folding in foldings
    ]
    curve, choice, left_out = _weights(gathered, plan, process, random[0], fits)
    return Assessed(random, curve, choice, [*_one_campaign(gathered), *left_out], checks)


def _foldings(gathered: Gathered, plan: Plan) -> list[Folding]:
    validation = gathered.region.settings.validation
    try:
        return [
            random_folding(
                gathered.panel.sites, validation.folds, validation.seed, gathered.place_of_site, repeat
            )
            for repeat in range(plan.repeats)
        ]
    except ValueError as error:
        where = ("validation", "folds")
        found = f"{validation.folds} folds for {len(set(gathered.places.group))} places"
        raise InputError(
            gathered.region.document.problem(where, found, "at most one fold a place")
        ) from error


def _leak_check(gathered: Gathered, process, folding: Folding) -> str:
    probed = [
        refuse_leaky_process(process, gathered.process_with, gathered.panel, ~held_out)
        for held_out in folding.held_out()
    ]
    if any(probed):
        return "no leak: other later stocks at held-out sites change no simulated stock"
    return "no leak to look for: no held-out site has a later campaign"


def _place_check(gathered: Gathered) -> str:
    return (
        "; ".join(gathered.places.notes) or f"no two sites within {gathered.places.within:g} m of each other"
    )


def _one_campaign(gathered: Gathered) -> list[str]:
    if gathered.panel.later_campaign.any():
        return []
    return [
        "t2, change, PO and persistence: no site has a second campaign. Sample some sites again, or read t1 alone"
    ]


def _weights(gathered: Gathered, plan: Plan, process, found: Evaluation, fits: Fits) -> tuple:
    if not gathered.panel.without_observation.any():
        return None, None, ["w_p: every year after a site's first is observed, so nothing is simulated"]

    def count(what: str):
        return lambda done, total: fits.grown(what)

    fits.begin()
    curve = w_p_curve(
        gathered.panel,
        process,
        found.folding,
        weights=plan.weights,
        forest=gathered.forest(plan.curve_trees),
        time_weights=plan.time_weights,
        known=_on_curve(gathered, plan, found),
        progress=count("curve over w_p"),
    )
    if not plan.nested:
        return curve, None, []
    if len(found.folding.numbers) < 3:
        return curve, None, ["nested choice of w_p: two folds leave nothing to choose in; take three or more"]
    try:
        return curve, choose_w_p(process, curve, progress=count("nested choice of w_p")), []
    except InputError as error:  # fewer training sites than any other stage has
        return curve, None, [f"nested choice of w_p: {str(error).rstrip('.')}"]


def _on_curve(gathered: Gathered, plan: Plan, found: Evaluation) -> dict[tuple[str, float], np.ndarray]:
    """What the scored forests gave at their points of the curve, if its forests are the same."""
    if plan.curve_trees != plan.trees:
        return {}
    hybrid = gathered.region.settings.hybrid
    points = {(plan.time_weights[0], 0.0): found.predicted["ML"]}
    return points | {(hybrid.time_weight, hybrid.w_p): found.predicted["POML"]}
