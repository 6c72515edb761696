"""The first step of a run: a trained model, learned here, kept from before, or borrowed from another run."""

from __future__ import annotations

import logging

from poml_map.pipeline.context import Run
from poml_map.pipeline.resume import link
from poml_map.pipeline.steps import Parts, model_parts
from poml_map.pipeline.trained import (
    MODEL_FILES,
    Trained,
    borrow,
    load_trained,
    model_digest,
    save_trained,
    train,
)

log = logging.getLogger(__name__)


def parts_of_model(run: Run) -> Parts:
    """What the model of a run depends on: of a borrowed one its files alone."""
    if run.asked.model is not None:
        return {f"model: {name}": digest for name, digest in model_digest(run.asked.model).items()}
    return model_parts(run.region, run.inputs.digests)


def model_step(run: Run) -> Trained:
    """The model, whose files lie in the run's folder afterwards.

    Raises
    ------
    InputError
        If samples or sources do not allow it, or the borrowed model is for other covariates or stocks.
    """
    parts, borrowed = parts_of_model(run), run.asked.model
    if borrowed is not None:
        return _borrowed(run, parts)
    if run.done.model(parts, MODEL_FILES):
        try:
            return load_trained(run.folder)
        except ValueError as error:  # whole, as its checksums say, but of another time
            log.warning("  the model that is there cannot be read (%s): it is trained again", error)
            run.done.forget_model(MODEL_FILES)
    trained = train(run.region, run.cube, run.checked.samples, run.watch, run.heard)
    save_trained(trained, run.folder)
    run.done.note_model(parts, model_digest(run.folder))
    return trained


def _borrowed(run: Run, parts: Parts) -> Trained:
    trained = borrow(run.asked.model, run.region, run.cube)
    log.info("  model of %s, %d sites", trained.region, len(trained.samples.sites))
    if not run.done.model(parts, MODEL_FILES):
        for name in MODEL_FILES:
            link(run.asked.model / name, run.folder / name)
        run.done.note_model(parts, model_digest(run.folder))
    return trained
