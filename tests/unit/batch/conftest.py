"""Batches of regions that are mapped by a child who only pretends."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from poml_map.batch.limits import Limits
from poml_map.batch.plan import Plan, Planned
from poml_map.batch.progress import Reporter
from poml_map.batch.run import run_batch

FAKE = (sys.executable, str(Path(__file__).with_name("fake_child.py")))
GIB = 2**30


class Heard(Reporter):
    """Keeps the events."""

    def __init__(self, states, limits):
        super().__init__(states, limits)
        self.events = []

    def __call__(self, event, state=None, **facts):
        """Keep the name of the event, of the region, and its state then."""
        self.events.append((event, state and state.name, state and state.state, facts))


class Batch:
    """A batch in a folder, and what it left."""

    fake = FAKE

    def __init__(self, out: Path):
        self.out = out
        self.reporter = None

    def __call__(
        self, *regions: dict, at_once=2, memory=GIB, model="each", reporter=Heard, command=FAKE, **options
    ):
        planned = tuple(
            Planned(region["name"], f"{region['name']}.yaml", region, "test") for region in regions
        )
        plan = Plan(planned, model, template="t.yaml" if model == "shared" else "")

        def report(states, limits):
            self.reporter = reporter(states, limits)
            return self.reporter

        limits = Limits(at_once, memory, cores=4)
        return run_batch(plan, self.out, limits=limits, report=report, command=command, **options)

    @property
    def rows(self) -> dict[str, dict]:
        """Of the summary, by region."""
        with open(self.out / "summary.csv", encoding="utf-8", newline="") as file:
            return {row["region"]: row for row in csv.DictReader(file)}

    @property
    def states(self) -> dict[str, str]:
        """State of each region."""
        return {name: row["state"] for name, row in self.rows.items()}

    def log(self, name: str) -> str:
        """What a region that failed said."""
        return (self.out / "logs" / f"{name}.log").read_text(encoding="utf-8")


@pytest.fixture
def batch(tmp_path) -> Batch:
    """Run a batch of regions that the fake child maps."""
    return Batch(tmp_path / "batch")
