"""What is known of each region while a batch runs, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from poml_map.batch.job import RUN
from poml_map.batch.plan import Planned

WAITING, RUNNING, DONE, KEPT, FAILED, STOPPED = "waiting", "running", "done", "kept", "failed", "stopped"
#: States with a whole folder.
FINISHED = (DONE, KEPT)
# The worst first: a fault of ours, of the machine, of the input.
_WORST_FIRST = (1, 3, 2)


@dataclass
class State:
    """A region of a batch and how far it is.

    Attributes
    ----------
    planned : Planned
    kind : {"run", "train"}
    state : str
        ``waiting``, ``running``, ``done``, ``kept`` (was finished before), ``failed`` or ``stopped``.
    code : int, optional
        Exit code, as `poml-map run` would have given it.
    problems : list of str
        Why it failed, in a line each.
    started, finished : datetime, optional
    seconds : float
        Of work, in this batch.
    pixels : int
        In the area, before the mask and missing data. [1]
    expected : float
        Estimated duration. [s]
    memory, disk : int
        Estimated memory, and size of the finished folder. [byte]
    stage : str
        What it is at.
    alone : bool
        Whether it waits for all memory, having needed more than its share.
    """

    planned: Planned
    kind: str = RUN
    state: str = WAITING
    code: int | None = None
    problems: list[str] = field(default_factory=list)
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float = 0.0
    pixels: int = 0
    expected: float = 0.0
    memory: int = 0
    disk: int = 0
    stage: str = ""
    alone: bool = False

    @property
    def name(self) -> str:
        """Of the region."""
        return self.planned.name

    @property
    def error(self) -> str:
        """Why it failed, in one line."""
        if not self.problems:
            return ""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return self.problems[0] + more

    def fail(self, code: int, problems: list[str], state: str = FAILED) -> None:
        """Note that it failed."""
        self.state, self.code, self.problems = state, code, problems


def exit_code(states: list[State]) -> int:
    """0 if all regions are whole, else the worst code of those that failed: 1 before 3 before 2.

    Examples
    --------
    >>> states = [State(Planned(name, f"{name}.yaml")) for name in "ab"]
    >>> states[0].fail(2, ["a.yaml: wrong"]); states[1].fail(3, ["b.yaml: disk full"])
    >>> exit_code(states)
    3
    """
    codes = {state.code for state in states if state.state not in FINISHED}
    return next((code for code in _WORST_FIRST if code in codes), 0 if not codes else 3)
