"""What a batch says while it runs: lines for people, or JSON lines for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TextIO

from poml_map.batch.limits import Limits
from poml_map.batch.state import FAILED, FINISHED, KEPT, RUNNING, WAITING, State
from poml_map.batch.timeleft import seconds_left
from poml_map.pipeline.estimate import size_text
from poml_map.pipeline.progress import duration

Say = Callable[[str], None]
_WIDEST_NAME = 28


class Reporter:
    """Hears the events of a batch; those who tell of them override what they tell.

    Parameters
    ----------
    states : list of State
        All regions of the batch; they change while it runs.
    limits : Limits
    """

    def __init__(self, states: Sequence[State], limits: Limits):
        self.states, self.limits = states, limits

    def __call__(self, event: str, state: State | None = None, **facts: Any) -> None:
        """Tell of an event.

        The events: planned, note, surveyed, fitted, started, again, stage, progress,
        postponed, finished, overall, end."""

    def close(self) -> None:
        """Say nothing more."""

    @property
    def left(self) -> float:
        """Time left. [s]"""
        return seconds_left(self.states, self.limits.at_once)


class JsonLines(Reporter):
    """An object on a line for every event; docs/batch.md lists the fields.

    Parameters
    ----------
    states, limits
        See `Reporter`.
    say : callable
        Gets each line.
    """

    def __init__(self, states: Sequence[State], limits: Limits, say: Say):
        super().__init__(states, limits)
        self._say = say

    def __call__(self, event: str, state: State | None = None, **facts: Any) -> None:
        """Write one line."""
        record = {"time": datetime.now().astimezone().isoformat(timespec="seconds"), "event": event}
        if state is not None:
            record |= _of_region(state)
        if event in ("overall", "finished", "end"):
            record |= {"seconds_left": round(self.left), "states": _states(self.states)}
        self._say(json.dumps(record | facts, ensure_ascii=False))


def _of_region(state: State) -> dict[str, Any]:
    known = {
        "region": state.name,
        "state": state.state,
        "stage": state.stage,
        "exit_code": state.code,
        "problems": state.problems,
        "seconds": round(state.seconds, 1),
        "pixels": state.pixels,
        "expected_seconds": round(state.expected),
        "expected_memory": state.memory,
        "expected_disk": state.disk,
    }
    return {name: value for name, value in known.items() if value not in (None, "", [], 0)}


def _states(states: Sequence[State]) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in states:
        found[state.state] = found.get(state.state, 0) + 1
    return found


class PlainLines(Reporter):
    """A line for every event that people care about, and one about the whole from time to time.

    Parameters
    ----------
    states, limits
        See `Reporter`.
    stream : text file
        On a terminal the line about the whole is written again and again in its last row.
    quiet : bool
        Failures only.
    """

    def __init__(
        self, states: Sequence[State], limits: Limits, stream: TextIO | None = None, quiet: bool = False
    ):
        super().__init__(states, limits)
        self._stream, self._quiet = stream or sys.stderr, quiet
        self._terminal = self._stream.isatty()
        self._width = min(max([len(state.name) for state in states], default=0), _WIDEST_NAME)

    def __call__(self, event: str, state: State | None = None, **facts: Any) -> None:
        """Write a line, or none."""
        text = self._text(event, state, facts)
        failed = state is not None and state.state == FAILED
        if text and (failed or not self._quiet):
            self._line(f"{datetime.now():%H:%M:%S}  {text}")
        if self._terminal and not self._quiet:
            self._status()

    def _text(self, event: str, state: State | None, facts: dict[str, Any]) -> str:
        if event == "planned":
            return f"{len(self.states)} region{'s'[: len(self.states) != 1]} to {facts['out']}"
        if event == "fitted":
            return str(self.limits) if any(state.state == WAITING for state in self.states) else ""
        if event == "note":
            return facts["text"]
        if event == "overall":
            return "" if self._terminal else self._whole()
        return "" if state is None else self._of_region(event, state, facts)

    def _of_region(self, event: str, state: State, facts: dict[str, Any]) -> str:
        said = {
            "surveyed": self._surveyed,
            "started": lambda state: f"started{' again, alone' if state.alone else ''}",
            "again": lambda _: facts["text"],
            "stage": lambda state: "" if self._terminal else state.stage,
            "postponed": lambda _: "needs more memory than its share: again when the others are done",
            "finished": self._finished,
        }.get(event)
        text = said(state) if said else ""
        return f"{state.name:{self._width}}  {text}" if text else ""

    def _surveyed(self, state: State) -> str:
        if state.state == FAILED:
            return self._failed(state)
        if state.state == KEPT:
            return "finished before, every file as it was: kept"
        memory, disk = size_text(state.memory), size_text(state.disk)
        time = duration(state.expected)
        return f"about {state.pixels:,} pixels, {time}, {memory} of memory, {disk} of disk"

    def _finished(self, state: State) -> str:
        if state.state == FAILED:
            return self._failed(state)
        done = sum(each.state in FINISHED for each in self.states)
        return f"{state.state} in {duration(state.seconds)}; {done} of {len(self.states)} regions"

    @staticmethod
    def _failed(state: State) -> str:
        return f"FAILED (exit code {state.code}): {state.error}"

    def _whole(self) -> str:
        finished = sum(each.state in FINISHED for each in self.states)
        running = sum(each.state == RUNNING for each in self.states)
        failed = sum(each.state == FAILED for each in self.states)
        parts = [f"{finished} of {len(self.states)} regions done", f"{running} running"]
        parts += [f"{failed} failed"] if failed else []
        return ", ".join([*parts, f"about {duration(self.left)} left"])

    def _line(self, text: str) -> None:
        start = "\r\x1b[K" if self._terminal else ""
        self._stream.write(f"{start}{text}\n")
        self._stream.flush()

    def _status(self) -> None:
        stages = [
            f"{state.name}: {state.stage}" for state in self.states if state.state == RUNNING and state.stage
        ]
        if stages:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{'; '.join([self._whole(), *stages])[:width]}")
            self._stream.flush()

    def close(self) -> None:
        """Leave the last row of a terminal clean."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
