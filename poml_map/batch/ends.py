"""How a region ended badly, in a line for people."""

from __future__ import annotations

import signal
from pathlib import Path

from poml_map.batch.state import State
from poml_map.pipeline.estimate import size_text

#: Exit codes: a fault of the program, a refusal of the machine.
BUG, RESOURCE = 1, 3
# Of the shells: ended by SIGTERM.
_TERMINATED = 128 + signal.SIGTERM


def too_large(state: State, size: int, limit: int, words: str) -> str:
    """A region does not fit into the memory of the batch; `size` and `limit` in bytes."""
    found = f"{words} {size_text(size)} of memory, and the limit is {size_text(limit)}"
    return f"{state.planned.source}: {found}. Raise --memory, or run it on a machine with more."


def death(code: int, log: Path) -> tuple[int, list[str]]:
    """Exit code and problem of a process that ended without a word.

    Parameters
    ----------
    code : int
        Of the process; negative for a signal.
    log : Path
        Holds what it said last.
    """
    if code in (-signal.SIGTERM, _TERMINATED):
        return RESOURCE, ["its process was stopped from outside. The same command goes on with it."]
    if code == -signal.SIGKILL:
        found = "its process was killed, most likely by the system because memory ran out"
        return RESOURCE, [f"{found}. Map fewer regions at a time (--at-once), or lower --memory."]
    what = f"signal {-code}" if code < 0 else f"exit code {code}"
    return BUG, [f"its process crashed ({what}). {log} holds what it said last."]
