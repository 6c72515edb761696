"""How long a batch will take still: estimates, corrected by how the finished regions kept to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from poml_map.batch.state import DONE, RUNNING, WAITING, State

# A region that has outrun its estimate needs this share of it still, for all we know.
_AT_LEAST = 0.1


def seconds_left(states: Sequence[State], at_once: int, now: datetime | None = None) -> float:
    """Seconds until all regions are finished, `at_once` of them at a time.

    Examples
    --------
    >>> from poml_map.batch.plan import Planned
    >>> done = State(Planned("a", "a.yaml"), state=DONE, expected=100.0, seconds=200.0)
    >>> waiting = State(Planned("b", "b.yaml"), expected=50.0)
    >>> seconds_left([done, waiting], 1)
    100.0
    """
    now = now or datetime.now(UTC)
    finished = [state for state in states if state.state == DONE and state.expected]
    expected = sum(state.expected for state in finished)
    pace = sum(state.seconds for state in finished) / expected if expected else 1.0
    left, longest = 0.0, 0.0
    for state in states:
        if state.state not in (WAITING, RUNNING):
            continue
        whole = still = pace * state.expected
        if state.state == RUNNING:
            still = max(whole - (now - state.started).total_seconds(), _AT_LEAST * whole)
        left, longest = left + still, max(longest, still)
    return max(left / at_once, longest)
