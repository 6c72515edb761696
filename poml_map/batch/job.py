"""What parent and child say to each other: jobs one way, records the other, each a line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: What a child can be asked to do.
SURVEY, RUN, TRAIN = "survey", "run", "train"


@dataclass(frozen=True)
class Job:
    """One thing a child shall do.

    Attributes
    ----------
    kind : {"survey", "run", "train"}
        Look at a region and say what it takes; map it; train a model that others map with.
    file, overrides, set_by
        The region, see `poml_map.config.load_region`.
    out : str
        Folder of the run.
    options : dict
        Of `poml_map.pipeline.run.run_region`: years, workers, scheduler, model. For a survey also `model_to_come`: the
        model will be trained before the region is mapped.
    digests : str
        File with digests of inputs that the survey took; may be missing.

    Examples
    --------
    >>> job = Job("run", "north.yaml", "batch/north", options={"workers": 2})
    >>> Job.read(job.line()) == job
    True
    """

    kind: str
    file: str
    out: str
    overrides: dict[str, Any] = field(default_factory=dict)
    set_by: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    digests: str = ""

    def line(self) -> str:
        """As a line of JSON, with its end."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def read(cls, line: str) -> Job:
        """Back from `line`."""
        return cls(**json.loads(line))
