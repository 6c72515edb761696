"""What all steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.checks import Checked
from poml_map.pipeline.heard import Heard
from poml_map.pipeline.inputs import Inputs
from poml_map.pipeline.progress import Stopwatch
from poml_map.pipeline.resume import Progressed


@dataclass(frozen=True)
class Run:
    """One run under way.

    Attributes
    ----------
    checked : Checked
    asked : Asked
    inputs : Inputs
    folder : Path
        Where it is made.
    out : Path
        Its final place.
    done : Progressed
        What need not be made again.
    watch : Stopwatch
    heard : Heard
    """

    checked: Checked
    asked: Asked
    inputs: Inputs
    folder: Path
    out: Path
    done: Progressed
    watch: Stopwatch
    heard: Heard

    @property
    def region(self) -> Region:
        """The region."""
        return self.checked.region

    @property
    def cube(self) -> Cube:
        """Its cube."""
        return self.checked.cube
