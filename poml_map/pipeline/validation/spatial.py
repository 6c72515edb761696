"""Scores that speak for the map: blocks of land, and folds as far from training as pixels are from sites."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import wasserstein_distance

from poml_map.hybrid.evaluation import MODELS, Evaluation, Folding, evaluate
from poml_map.hybrid.space import block_folds, knndm_folds, nearest_other_fold, suggested_block_size
from poml_map.pipeline.places import metres
from poml_map.pipeline.validation.assess import Fits
from poml_map.pipeline.validation.gather import Gathered
from poml_map.pipeline.validation.plan import Plan

log = logging.getLogger(__name__)

#: Folding -> the question that its score answers.
QUESTIONS = {
    "random": "another site of this survey, among the sampled ones",
    "kNNDM": "a pixel of this map: held-out sites as far from training as pixels are from sites, where they can be",
    "blocks": "land a block away: squares of land are held out whole",
}

# From here on the distance of held-out sites to training is called larger than that of pixels to sites.
_FARTHER = 1.2
#: Pixels that stand for the map.
_MAP_PLACES = 2000
_MODELS = tuple(model for model in MODELS if model != "ML_T1")


@dataclass(frozen=True)
class Spatial:
    """Evaluations by folds in space, and how far what is asked lies from what was learned.

    Attributes
    ----------
    evaluations : list of Evaluation
        One for each folding.
    distances : dict of str -> ndarray
        From each held-out site to the nearest training site by folding, and from pixels to sites as ``"map"``. [m]
    facts : list of dict
        ``folding``, ``question``, ``median_distance_km`` (of held-out sites to training), ``map_median_distance_km``
        (of pixels to sites), ``wasserstein_km`` (between both), ``detail``.
    left_out : list of str
    same_as_random : str
        Folding that is the random one, because nothing else matches the map better; empty if none is.
    """

    evaluations: list[Evaluation]
    distances: dict[str, np.ndarray]
    facts: list[dict]
    left_out: list[str]
    same_as_random: str


def assess_in_space(gathered: Gathered, plan: Plan, random: Folding, fits: Fits) -> Spatial:
    """Score the models on blocks and on kNNDM folds.

    Parameters
    ----------
    gathered : Gathered
    plan : Plan
    random : Folding
        To compare distances with.
    fits : Fits
        Counts along.

    Returns
    -------
    Spatial
        What cannot be folded is left out with the reason.
    """
    settings, panel = gathered.region.settings, gathered.panel
    (x, y), (map_x, map_y) = _positions(gathered)
    foldings, details, left_out = {"random": random}, {"random": ""}, []
    options = {
        "n_folds": settings.validation.folds,
        "seed": settings.validation.seed,
        "groups": gathered.place_of_site,
    }
    try:
        found = knndm_folds(x, y, map_x, map_y, **options)
        # Where nothing matches better than random folds, those that are scored already serve.
        fold = found.fold if found.n_clusters else random.fold
        foldings["kNNDM"] = Folding("kNNDM", fold, group=gathered.place_of_site)
        details["kNNDM"] = (
            f"{found.n_clusters} clusters of sites"
            if found.n_clusters
            else f"the random folds: {found.why_random}"
        )
    except ValueError as error:
        left_out.append(f"kNNDM folds: {error}".rstrip("."))
    given = settings.validation.block_km
    side = suggested_block_size(x, y, settings.validation.folds) if given is None else 1000 * given
    try:
        fold, block = block_folds(x, y, side, **options)
        foldings["blocks"] = Folding("blocks", fold, group=block)
        details["blocks"] = f"blocks of {side / 1000:.3g} km"
    except ValueError as error:
        left_out.append(f"blocks: {error}".rstrip("."))
    distances = {name: nearest_other_fold(x, y, folding.fold) for name, folding in foldings.items()}
    distances["map"] = cKDTree(np.column_stack([x, y])).query(np.column_stack([map_x, map_y]))[0]
    process = gathered.process
    fits.begin()
    evaluations = [
        evaluate(
            panel,
            process,
            folding,
            w_p=settings.hybrid.w_p,
            forest=gathered.forest(plan.trees),
            models=_MODELS,
            time_weight=settings.hybrid.time_weight,
            grown=lambda: fits.grown("folds in space"),
        )
        for name, folding in foldings.items()
        if name != "random" and (folding.fold != random.fold).any()
    ]
    facts = [_fact(name, details[name], distances) for name in foldings]
    same = "kNNDM" if "kNNDM" in foldings and (foldings["kNNDM"].fold == random.fold).all() else ""
    return Spatial(evaluations, distances, facts, left_out, same)


def _fact(name: str, detail: str, distances: dict[str, np.ndarray]) -> dict:
    apart = wasserstein_distance(distances[name], distances["map"])
    own, of_map = (float(np.median(distances[each])) / 1000 for each in (name, "map"))
    texts = [detail] if detail else []
    if name == "kNNDM" and own > _FARTHER * of_map:
        texts.append(
            "held-out sites are farther from training than pixels from sites: on the safe side for the map"
        )
    return {
        "folding": name,
        "question": QUESTIONS[name],
        "median_distance_km": own,
        "map_median_distance_km": of_map,
        "wasserstein_km": float(apart) / 1000,
        "detail": "; ".join(texts),
    }


def _positions(gathered: Gathered) -> tuple[np.ndarray, np.ndarray]:
    """Positions (2, sites) of the panel, and (2, places) of some pixels of the area, drawn at random. [m]"""
    grid, sites = gathered.cube.grid, gathered.samples.sites.iloc[gathered.order]
    row, col = np.nonzero(gathered.cube.mask())
    seed = gathered.region.settings.validation.seed
    chosen = np.random.default_rng(seed).permutation(len(row))[:_MAP_PLACES]
    x = np.concatenate([sites["x"], grid.x[col[chosen]]])
    y = np.concatenate([sites["y"], grid.y[row[chosen]]])
    # Together, so that a grid in degrees is projected around one middle.
    both = np.stack(metres(x, y, grid.crs))
    return both[:, : len(sites)], both[:, len(sites) :]
