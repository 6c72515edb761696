"""What a batch may take of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import joblib
import psutil
from dask.utils import parse_bytes
from distributed.system import MEMORY_LIMIT

from poml_map.batch.state import WAITING, State
from poml_map.errors import InputError, Problem
from poml_map.mapping.threads import threads_to_start
from poml_map.pipeline.estimate import size_text

_FREE_SHARE = 0.8
# Less than any region needs: a slip, such as 8 for 8GiB.
_LEAST_MEMORY = 200 * 2**20


@dataclass(frozen=True)
class Limits:
    """What a batch may take.

    Attributes
    ----------
    at_once : int
        Regions at a time.
    memory : int
        Of all of them together. [byte]
    cores : int

    Examples
    --------
    >>> str(Limits(2, 16 * 2**30, 8))
    '2 at a time with 4 cores each, 16.0 GiB of memory in all'
    """

    at_once: int
    memory: int
    cores: int = field(default_factory=joblib.cpu_count)

    @property
    def threads(self) -> int:
        """Cores of each region."""
        return max(self.cores // self.at_once, 1)

    @property
    def workers(self) -> int:
        """Threads that map each region: not more than a run would start by itself."""
        return min(self.threads, threads_to_start(None))

    def fitted(self, states: Sequence[State]) -> Limits:
        """As many regions at a time as wait, and as fit into the memory together; then each gets more cores."""
        waiting = [state for state in states if state.state == WAITING]
        largest = max((state.memory for state in waiting), default=0)
        fit = self.memory // largest if largest else len(waiting)
        return replace(self, at_once=max(min(self.at_once, fit, len(waiting)), 1))

    def __str__(self) -> str:
        cores = f"{self.threads} core{'s'[: self.threads != 1]} each"
        return f"{self.at_once} at a time with {cores}, {size_text(self.memory)} of memory in all"


def limits_of(at_once: int | None, memory: str | None) -> Limits:
    """Limits as the user wrote them.

    Parameters
    ----------
    at_once : int, optional
        Regions at a time; default one for two cores.
    memory : str, optional
        Such as ``8GiB``; default 80 % of what is free now.

    Raises
    ------
    InputError
        If `memory` is no size.

    Examples
    --------
    >>> limits_of(2, "8GiB").memory == 8 * 2**30
    True
    """
    at_once = at_once or max(joblib.cpu_count() // 2, 1)
    if memory is None:
        free = min(psutil.virtual_memory().available, MEMORY_LIMIT)  # containers have limits of their own
        return Limits(at_once, int(_FREE_SHARE * free))
    with suppress(ValueError):
        size = parse_bytes(memory)
        if size >= _LEAST_MEMORY:
            return Limits(at_once, size)
    raise InputError(Problem("--memory", "", repr(memory), "a size of 200MiB or more, such as 8GiB"))
