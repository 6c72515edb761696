"""Many regions, from the plan to the summary."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poml_map.batch.facts import Facts
from poml_map.batch.job import TRAIN
from poml_map.batch.limits import Limits, limits_of
from poml_map.batch.logs import Logs
from poml_map.batch.names import MODEL, MOSAIC
from poml_map.batch.page import INDEX, IndexPage
from poml_map.batch.plan import EACH, SHARED, Plan, Planned
from poml_map.batch.pool import Pool
from poml_map.batch.process import CHILD
from poml_map.batch.progress import Reporter
from poml_map.batch.state import DONE, FAILED, FINISHED, KEPT, WAITING, State, exit_code
from poml_map.batch.summary import SUMMARY, Row, counts, failures, table, write_summary
from poml_map.batch.timeleft import seconds_left
from poml_map.errors import InputError, Problem, ResourceError
from poml_map.files import resource_error
from poml_map.pipeline.estimate import size_text
from poml_map.pipeline.lock import hold
from poml_map.pipeline.progress import duration
from poml_map.products.mosaic import write_mosaics

# The index page is drawn again at most so often while the batch runs. [s]
_PAGE_EVERY = 30.0


@dataclass(frozen=True)
class Result:
    """What came of a batch.

    Attributes
    ----------
    exit_code : int
    lines : list of str
        For people.
    """

    exit_code: int
    lines: list[str]


def run_batch(
    plan: Plan,
    out: str | Path = "batch",
    *,
    limits: Limits | None = None,
    years: tuple[int, int] | None = None,
    scheduler: str | None = None,
    report: Callable[[list[State], Limits], Reporter] = Reporter,
    dry: bool = False,
    command: Sequence[str] = CHILD,
) -> Result:
    """Map all regions of a plan, each in a process of its own.

    Parameters
    ----------
    plan : Plan
        From `poml_map.batch.plan.make_plan`.
    out : str or Path
        Folder of the batch: each region has a folder of its name in it.
    limits : Limits, optional
        From `limits_of`.
    years, scheduler
        See `poml_map.pipeline.run.run_region`.
    report : callable
        Makes what hears of the progress.
    dry : bool
        Say what would be done.
    command : sequence of str
        What a child runs.

    Returns
    -------
    Result

    Raises
    ------
    ResourceError
        If the folder refuses, or another batch is writing into it.
    """
    limits = limits or limits_of(None, None)
    out = Path(out)
    first = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not first.is_dir():
        raise InputError(Problem(str(out), "--out", "a file", "a folder", "Choose another name."))
    if dry:
        with tempfile.TemporaryDirectory() as folder:
            return _Batch(plan, out, limits, report, command, Path(folder)).look(years)
    try:
        with hold(out):
            return _Batch(plan, out, limits, report, command, out).run(years, scheduler)
    except OSError as error:
        raise resource_error(error.filename or out, error) from error


class _Batch:
    def __init__(self, plan: Plan, out: Path, limits: Limits, report, command: Sequence[str], logs: Path):
        self.plan, self.out, self.limits, self.command = plan, out, limits, command
        self.logs = Logs(logs)
        self.states = [State(planned) for planned in plan.regions]
        for state in self.states:
            if state.planned.problems:
                state.fail(2, list(state.planned.problems))
                self.logs.write_end(state)
        self.reporter = report(self.states, limits)
        self._rows: dict[str, Row] = {}
        self._drawn = time.monotonic()
        self._mosaic: list[str] = []
        self._page = IndexPage(out, self._heading(), plan.model != EACH)

    def _heading(self) -> str:
        """What the page calls the batch: the title of the template, or how many regions there are."""
        if self.plan.title:
            return self.plan.title
        return f"{len(self.states)} region{'s'[: len(self.states) != 1]}"

    def look(self, years: tuple[int, int] | None) -> Result:
        """What a run would do."""
        self._announce()
        options = {"years": years, **self._model()}
        if self.plan.model == SHARED:
            self._look_at_template()
            options["model_to_come"] = True
        self._pool(options, self.reporter).survey()
        self._warn_of_disk()
        waiting = [state for state in self.states if state.state == WAITING]
        fitted = self.limits.fitted(self.states)
        left = duration(seconds_left(self.states, fitted.at_once))
        plan = f"; about {left} for those that wait, {fitted}" if waiting else ""
        known = [state for state in self.states if state.state != WAITING]
        return self._end(exit_code(known), [counts(self.states) + plan, *failures(self.states)])

    def _look_at_template(self) -> None:
        """Whether the model that all regions share could be trained."""
        model = State(Planned(MODEL, self.plan.template), kind=TRAIN)
        self._pool({}, lambda *_, **__: None, [model]).survey()
        if model.state == FAILED:
            self._fail_all(model)
            return
        text = (
            f"first one model is trained on all samples of {self.plan.template}, unless it is there already"
        )
        self.reporter("note", text=text)

    def _fail_all(self, model: State) -> None:
        for state in self.states:
            state.fail(model.code, [f"the shared model could not be trained: {model.error}"])

    def _end(self, code: int, lines: list[str]) -> Result:
        self.reporter("end", exit_code=code)
        self.reporter.close()
        return Result(code, lines)

    def run(self, years: tuple[int, int] | None, scheduler: str | None) -> Result:
        """Train if all share a model; survey; run; tell."""
        self.logs.wait_for_orphans()
        self._announce()
        try:
            if self.plan.model == SHARED:
                self._train()
            pool = self._pool({"years": years, "scheduler": scheduler, **self._model()}, self._tell)
            pool.survey()
            self._warn_of_disk()
            pool.limits = self.reporter.limits = self.limits.fitted(self.states)
            self.reporter("fitted", at_once=pool.limits.at_once, threads=pool.limits.threads)
            pool.run()
        except BaseException:  # Ctrl-C and SIGTERM, too
            self.reporter("note", text=f"stopped: {counts(self.states)}; the same command goes on")
            self.reporter.close()
            with suppress(ResourceError):
                self._save(draw=True)
            raise
        self.logs.tidy()
        trouble: list[str] = []
        try:
            self._mosaic = self._one_map()
            self._save(draw=True)
        except ResourceError as error:  # a full disk: what came of the regions is told all the same
            trouble = str(error).splitlines()
        code = exit_code(self.states) or (ResourceError.exit_code if trouble else 0)
        return self._end(code, [*self._lines(), *trouble])

    def _announce(self) -> None:
        self.reporter("planned", at_once=self.limits.at_once, memory=self.limits.memory, out=str(self.out))
        for note in self.plan.notes:
            self.reporter("note", text=note)
        for state in self.states:
            if state.state == FAILED:
                self.reporter("surveyed", state)

    def _warn_of_disk(self) -> None:
        """A disk that fills up on Saturday is better known on Friday."""
        needed = sum(state.disk for state in self.states if state.state == WAITING)
        place = next(path for path in (self.out.absolute(), *self.out.absolute().parents) if path.exists())
        free = shutil.disk_usage(place).free
        if needed > free:
            sizes = f"about {size_text(needed)}, and the disk of {self.out} has {size_text(free)} free"
            self.reporter("note", text=f"warning: the regions will take {sizes}")

    def _model(self) -> dict[str, str | None]:
        own = {EACH: None, SHARED: str(self.out / MODEL)}
        return {"model": own.get(self.plan.model, self.plan.model)}

    def _pool(
        self, options: dict[str, Any], tell: Callable[..., None], states: list[State] | None = None
    ) -> Pool:
        chosen = self.states if states is None else states
        return Pool(chosen, self.out, self.logs, self.limits, options, tell, self.command)

    def _train(self) -> None:
        """One model for all, in a process of its own as well."""
        model = State(Planned(MODEL, self.plan.template), kind=TRAIN)

        def tell(event: str, *state: State | None, **facts: Any) -> None:
            if event != "overall":  # of regions that have not begun
                self.reporter(event, *state, **facts)

        pool = self._pool({}, tell, [model])
        pool.limits = self.limits.fitted([model])
        pool.run()
        if model.state != DONE:
            self._fail_all(model)

    def _tell(self, event: str, state: State | None = None, **facts: Any) -> None:
        if event == "finished" or (event == "surveyed" and state.state in (FAILED, KEPT)):
            with suppress(ResourceError):  # a full disk: regions say so, and the last time it is an error
                self._save()
        self.reporter(event, state, **facts)

    def _save(self, draw: bool = False) -> None:
        rows = self._all_rows()
        write_summary(rows, self.out)
        if draw or time.monotonic() - self._drawn > _PAGE_EVERY:
            self._drawn = time.monotonic()
            self._page.write(rows, self._mosaic)

    def _one_map(self) -> list[str]:
        """Join the maps of all regions that are finished; what came of it, in words."""
        whole = [self.out / state.name for state in self.states if state.state in FINISHED]
        if len(whole) < 2:
            return []
        made, reason = write_mosaics(whole, self.out / MOSAIC)
        if reason:
            return [f"No map of all regions: {reason}."]
        several = f" ... {made[-1].name}" if len(made) > 1 else ""
        lines = [f"{MOSAIC}/{made[0].name}{several}: maps of {len(whole)} regions as one, for QGIS and GDAL"]
        if self.plan.model == EACH:
            lines.append("Each region has a model of its own: there may be steps at their borders.")
        return lines

    def _all_rows(self) -> list[Row]:
        for state in self.states:
            if state.state in FINISHED and state.name not in self._rows:
                self._rows[state.name] = Row.of(state, self.out)
        return [self._rows.get(state.name) or Row(state, Facts()) for state in self.states]

    def _lines(self) -> list[str]:
        made = f"In {self.out}: {INDEX}, {SUMMARY}, a folder for each region"
        failed = any(state.state == FAILED for state in self.states)
        logs = [f"Logs of those that failed: {self.logs.folder}"] if failed else []
        return [*table(self._all_rows()), "", counts(self.states), made, *self._mosaic, *logs]
