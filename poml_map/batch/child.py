"""``python -m poml_map.batch.child``: does the jobs that come in, in a process of its own.

Jobs come as lines on the standard input, records go out as lines on the standard output: ``log`` for what the
program says, ``end`` after each job. The standard input stays open as long as the parent lives. When it closes in
the middle of a job, the parent is gone, whatever became of it, and the child stops as on SIGTERM: no orphan works
on for nobody.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from poml_map.batch.job import RUN, SURVEY, TRAIN, Job
from poml_map.config import Region, load_region
from poml_map.errors import PomlError

# Of the shells: ended by SIGTERM.
_TERMINATED = 143
# So long has a job to stop when the parent is gone. [s]
_PATIENCE = 10.0
_FROM_PROGRESS = ("stage", "step", "done", "total")


def main() -> None:
    """Do jobs until no more come."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    with _records() as say:
        busy = threading.Event()
        for job in _jobs(busy):
            outcome = _outcome(job)
            busy.clear()  # before the parent hears of it, and may close the input
            say({"kind": "end", **outcome})


def _jobs(busy: threading.Event) -> Iterator[Job]:
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            busy.set()
            lines.put(line)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_PATIENCE)
            os._exit(_TERMINATED)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while line := lines.get():
        yield Job.read(line)


@contextmanager
def _records() -> Iterator[Callable[[dict], None]]:
    """A function that sends a record; what libraries print goes to the standard error instead, into the log."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(record: dict) -> None:
        with lock:
            _send(kept, record)

    handler = _ToParent(say)
    logger = logging.getLogger("poml_map")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield say
    logger.removeHandler(handler)


def _send(channel: TextIO, record: dict) -> None:
    channel.write(json.dumps(record) + "\n")
    channel.flush()


class _ToParent(logging.Handler):
    def __init__(self, say: Callable[[dict], None]):
        super().__init__(logging.INFO)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        more = {name: getattr(record, name) for name in _FROM_PROGRESS if hasattr(record, name)}
        with suppress(OSError):  # the parent is gone; `_jobs` sees it too, and stops this process
            self.say({"kind": "log", "level": record.levelname, "message": record.getMessage(), **more})


def _outcome(job: Job) -> dict[str, Any]:
    """What came of a job: exit code, problems in a line each, and what it answers."""
    try:
        return {"code": 0, "problems": [], "answer": _WORK[job.kind](job)}
    except PomlError as error:
        return {"code": error.exit_code, "problems": str(error).splitlines()}
    except MemoryError:
        return {"code": 3, "problems": [f"{job.file}: memory ran out. Map fewer regions at a time."]}
    except Exception as error:  # a fault of our own: the log has all of it, the table one line
        what = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"{job.file}: a fault of poml-map itself, {what}"
        return {"code": 1, "problems": [problem], "trace": traceback.format_exc()}


# Imports inside: what is wrong with a file is said before the heavy ones.
def _survey(job: Job) -> dict[str, Any]:
    from poml_map.batch.survey import survey

    return survey(job)


def _run(job: Job) -> dict[str, Any]:
    region, options = _region(job), dict(job.options)
    if options.get("years"):
        options["years"] = tuple(options["years"])  # JSON knows lists only
    from poml_map.pipeline.digests import KnownDigests
    from poml_map.pipeline.run import run_region

    run_region(region, job.out, known=KnownDigests.load(Path(job.digests)), **options)
    return {}


def _train(job: Job) -> dict[str, Any]:
    region = _region(job)
    from poml_map.pipeline.train import train_region

    train_region(region, job.out)
    return {}


def _region(job: Job) -> Region:
    return load_region(job.file, job.overrides, job.set_by)


_WORK = {SURVEY: _survey, RUN: _run, TRAIN: _train}

if __name__ == "__main__":
    main()
