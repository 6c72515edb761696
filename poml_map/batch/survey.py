"""Before a region starts: is it finished already, is anything wrong, what will it take? Runs in a child."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from poml_map.batch.job import Job
from poml_map.config import load_region
from poml_map.errors import ResourceError
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.current import is_finished
from poml_map.pipeline.digests import KnownDigests
from poml_map.pipeline.estimate import estimate
from poml_map.pipeline.speed import Speed, measure_speed
from poml_map.pipeline.trained import MODEL_FILE, require_model


def survey(job: Job) -> dict[str, Any]:
    """What is known of a region without computing anything.

    Parameters
    ----------
    job : Job

    Returns
    -------
    dict
        ``finished`` alone is True for a folder that holds the whole run already. Else ``pixels`` [1], ``seconds``,
        ``memory`` and ``disk`` [byte] that the run will take, estimated.

    Raises
    ------
    InputError
        With all that is wrong with configuration, headers and tables.
    """
    region = load_region(job.file, job.overrides, job.set_by)
    years, model = job.options.get("years"), job.options.get("model")
    model = None if model is None else Path(model)
    to_come = bool(job.options.get("model_to_come")) and not (model / MODEL_FILE).is_file()
    if model is not None and not to_come:
        require_model(model)
    known = _known(job.digests)
    finished = not to_come and is_finished(
        region, Path(job.out), years=tuple(years) if years else None, model=model, known=known
    )
    if job.digests:
        with suppress(ResourceError):  # a full disk: each run takes its own
            known.save(Path(job.digests))
    if finished:
        return {"finished": True}
    checked = check_region(region, with_samples=model is None)
    cube = checked.cube
    needed = estimate(region, cube, checked.samples, _speed(), workers=job.options.get("workers"))
    return {
        "finished": False,
        "pixels": cube.pixels_in_area,
        "seconds": needed.seconds,
        "memory": needed.memory_bytes,
        "disk": needed.disk_bytes,
    }


@cache
def _known(file: str) -> KnownDigests:
    return KnownDigests()  # one for all regions


@cache
def _speed() -> Speed:
    return measure_speed()  # once for all regions
