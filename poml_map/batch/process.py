"""A child process of a batch: started, heard, measured, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from poml_map.batch.job import Job

#: What a child runs.
CHILD = (sys.executable, "-m", "poml_map.batch.child")
#: So long has a child to stop before it is killed. [s]
GRACE = 10.0
# Libraries ask these for the number of their threads.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


class Child:
    """A process that does jobs and says what it does.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Where its standard error goes.
    heard : queue.Queue
        Gets ``(child, record)`` for every line of its standard output, and ``(child, None)`` at its end.
    threads : int
    """

    def __init__(self, command: Sequence[str], log: Path, heard: queue.Queue, threads: int):
        self.log = log
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "PYTHONIOENCODING": "utf-8"}
        with open(log, "ab") as errors:
            # A session of its own: Ctrl-C in the terminal is for the parent, which stops its children in order.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self._kill_at: float | None = None
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def send(self, job: Job) -> None:
        """Give it a job; a child that is dead already is noticed by its end."""
        with contextlib.suppress(OSError):
            self.process.stdin.write(job.line().encode())
            self.process.stdin.flush()

    def _listen(self, heard: queue.Queue) -> None:
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                heard.put((self, json.loads(line)))
        heard.put((self, None))

    def memory(self) -> int:
        """Resident memory of the process and of those that it started. [byte]"""
        total = 0
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            for each in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += each.memory_info().rss
        return total

    def close(self) -> int:
        """No more jobs: wait for its end; returns the exit code, negative for a signal."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
            code = self.process.wait()
        self.process.stdout.close()
        return code

    def terminate(self) -> None:
        """Ask it to stop; `kill_if_late` then sees to it."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE
            with contextlib.suppress(OSError):
                self.process.terminate()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._kill_at is not None

    def kill_if_late(self) -> None:
        """Kill it if it was asked to stop and has not."""
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)  # it leads a group of its own


def stop_all(children: Sequence[Child]) -> None:
    """SIGTERM to all, and SIGKILL to those that are there still after the time of grace."""
    for child in children:
        child.terminate()
    for child in children:
        while child.process.poll() is None:
            child.kill_if_late()
            time.sleep(0.05)
        child.close()
