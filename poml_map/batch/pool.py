"""Regions in processes of their own, as many at a time as cores and memory allow."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poml_map.batch.ends import RESOURCE, death, too_large
from poml_map.batch.job import SURVEY, TRAIN, Job
from poml_map.batch.limits import Limits
from poml_map.batch.logs import Logs
from poml_map.batch.process import CHILD, Child, stop_all
from poml_map.batch.state import DONE, FAILED, KEPT, RUNNING, STOPPED, WAITING, State

# How often children are heard, measured, and the whole is told of. [s]
_LISTEN, _MEASURE, _TELL = 0.2, 1.0, 10.0
# How a run begins to say what it makes again, and why.
_AGAIN = "again: "
_STOPPED = "stopped before it was finished; the same command goes on with it"


class Pool:
    """Runs regions and keeps their states.

    Parameters
    ----------
    states : sequence of State
        In the order in which they start.
    out : Path
        Folder of the batch, which is there.
    logs : Logs
    limits : Limits
    options : dict
        Of `poml_map.pipeline.run.run_region`, but for the workers.
    tell : callable
        Gets every event: its name, the state or None, and facts by name.
    command : sequence of str
        What a child runs.
    """

    def __init__(
        self,
        states: Sequence[State],
        out: Path,
        logs: Logs,
        limits: Limits,
        options: dict[str, Any],
        tell: Callable[..., None],
        command: Sequence[str] = CHILD,
    ):
        self.states, self.out, self.logs, self.limits = list(states), out, logs, limits
        self.options = options
        self._tell, self._command = tell, command
        self._heard: queue.Queue = queue.Queue()
        self._running: dict[Child, State] = {}
        self._too_large: dict[Child, int] = {}
        self._measured = self._told = time.monotonic()

    def survey(self) -> None:
        """Look at every region first: what is wrong is known within minutes, not at the end of the week-end."""
        child = None
        try:
            for state in [state for state in self.states if state.state == WAITING]:
                child = child or self._start(self.logs.survey)
                child.send(self._job(state, SURVEY))
                outcome = self._answer(child)
                if outcome is None:  # the region took the process with it; the next one gets a new one
                    state.fail(*death(child.close(), self.logs.of(state)))
                    self.logs.keep_survey(state)
                    child = None
                else:
                    self._note_survey(state, outcome)
                self._tell("surveyed", state)
        finally:
            if child is not None:
                stop_all([child])
            self.logs.forget_survey()

    def _answer(self, child: Child) -> dict | None:
        while True:
            who, record = self._heard.get()
            if who is child and (record is None or record["kind"] == "end"):
                return record

    def _note_survey(self, state: State, outcome: dict) -> None:
        if outcome["code"]:
            state.fail(outcome["code"], outcome["problems"])
            self.logs.write_end(state, outcome.get("trace", ""))
            return
        answer = outcome["answer"]
        if answer["finished"]:
            state.state, state.code = KEPT, 0
            self.logs.remove(state)
            return
        state.pixels, state.expected = answer["pixels"], answer["seconds"]
        state.memory, state.disk = answer["memory"], answer["disk"]
        if state.memory > self.limits.memory:
            state.fail(RESOURCE, [too_large(state, state.memory, self.limits.memory, "needs about")])
            self.logs.write_end(state)

    def run(self) -> None:
        """Run all that wait; returns when none waits or runs any more."""
        self._told = time.monotonic()
        try:
            while self._running or any(state.state == WAITING for state in self.states):
                self._start_what_fits()
                self._listen()
                self._measure()
                self._tell_of_all()
        except BaseException:  # Ctrl-C and SIGTERM, too
            for state in self._running.values():
                _end_clock(state)
                state.fail(RESOURCE, [_STOPPED], STOPPED)
            stop_all(list(self._running))
            self.logs.note_children([])
            raise

    def _start_what_fits(self) -> None:
        waiting = [state for state in self.states if state.state == WAITING]
        for state in sorted(waiting, key=lambda each: each.alone):
            running = list(self._running.values())
            full = len(running) >= self.limits.at_once
            full = full or sum(each.memory for each in running) + state.memory > self.limits.memory
            if running and (full or state.alone or any(each.alone for each in running)):
                return  # in order: a large region must not wait for ever behind small ones
            state.state, state.started = RUNNING, datetime.now(UTC)
            self.logs.begin(state)
            try:
                child = self._start(self.logs.of(state))
            except OSError as error:
                state.fail(
                    RESOURCE, [f"{state.planned.source}: no process could be started: {error.strerror}."]
                )
                self._tell("finished", state)
                continue
            self._running[child] = state
            self._note_children()
            child.send(self._job(state, state.kind))
            self._tell("started", state)

    def _listen(self) -> None:
        with suppress(queue.Empty):
            child, record = self._heard.get(timeout=_LISTEN)
            while True:
                self._note(child, record)
                child, record = self._heard.get_nowait()

    def _note(self, child: Child, record: dict | None) -> None:
        state = self._running.get(child)
        if state is None:
            return  # it said its last word before
        if record is None or record["kind"] == "end":
            self._finish(child, state, record)
            return
        self.logs.write(state, record)
        if "stage" in record:
            state.stage = record["stage"]
            self._tell("stage", state)
        elif "step" in record:
            self._tell("progress", state, **{name: record[name] for name in ("step", "done", "total")})
        elif (message := record["message"].strip()).startswith(_AGAIN):
            self._tell("again", state, text=message)

    def _finish(self, child: Child, state: State, outcome: dict | None) -> None:
        code = child.close()
        del self._running[child]
        self._note_children()
        needed = self._too_large.pop(child, None)
        _end_clock(state)
        if outcome is not None and outcome["code"] == 0:
            state.state, state.code, state.problems = DONE, 0, []
            self.logs.remove(state)
        elif needed is not None and len(self.states) > 1 and not state.alone:
            state.state, state.alone = WAITING, True
        elif needed is not None:
            state.fail(RESOURCE, [too_large(state, needed, self.limits.memory, "needed more than")])
        elif outcome is not None:
            state.fail(outcome["code"], outcome["problems"])
        else:
            state.fail(*death(code, self.logs.of(state)))
        if state.state == FAILED:
            self.logs.write_end(state, (outcome or {}).get("trace", ""))
        self._tell("postponed" if state.state == WAITING else "finished", state)

    def _measure(self) -> None:
        """Stop the region that is furthest beyond its estimate when all together need too much."""
        for child in self._running:
            child.kill_if_late()
        if time.monotonic() - self._measured < _MEASURE:
            return
        self._measured = time.monotonic()
        used = {child: child.memory() for child in self._running}
        if sum(used.values()) <= self.limits.memory or any(child.is_stopping for child in used):
            return
        worst = max(used, key=lambda child: used[child] - self._running[child].memory)
        self._too_large[worst] = used[worst]
        worst.terminate()

    def _tell_of_all(self) -> None:
        if time.monotonic() - self._told >= _TELL and self._running:
            self._told = time.monotonic()
            self._tell("overall", None)

    def _start(self, log: Path) -> Child:
        return Child(self._command, log, self._heard, self.limits.threads)

    def _note_children(self) -> None:
        self.logs.note_children([child.pid for child in self._running])

    def _job(self, state: State, kind: str) -> Job:
        planned = state.planned
        out = str(self.out / planned.name)
        options = {} if kind == TRAIN else {**self.options, "workers": self.limits.workers}
        return Job(
            kind, planned.file, out, planned.overrides, planned.set_by, options, str(self.logs.digests)
        )


def _end_clock(state: State) -> None:
    state.finished, state.stage = datetime.now(UTC), ""
    state.seconds += (state.finished - state.started).total_seconds()
