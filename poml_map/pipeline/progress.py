"""Progress with time left, as plain log lines that a batch log can hold."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager

log = logging.getLogger("poml_map")

# A line at most so often, and none for work that is over before. [s]
_EVERY = 5.0


class Progress:
    """Counts finished steps and logs how far it is and how long it will take.

    Parameters
    ----------
    what : str
        What is done, for example ``"maps"``.

    Examples
    --------
    >>> progress = Progress("maps")
    >>> progress(1, 4)
    """

    def __init__(self, what: str):
        self.what = what
        self._started = self._said = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` steps are finished; may be called from any thread."""
        now = time.monotonic()
        with self._lock:
            if now - self._said < _EVERY or not 0 < done < total:
                return
            self._said = now
        left = (now - self._started) / done * (total - done)
        log.info(
            "  %s: %d of %d (%.0f %%), %s left", self.what, done, total, 100 * done / total, duration(left),
            extra={"step": self.what, "done": done, "total": total},
        )  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Examples
    --------
    >>> duration(8.2), duration(200), duration(7300)
    ('8 s', '3 min 20 s', '2 h 1 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


class Stopwatch:
    """Seconds of each stage, in order.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.stage("samples"):
    ...     pass
    >>> list(watch.seconds)
    ['samples']
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str):
        """Time the block; name it in the log."""
        log.info("%s ...", name, extra={"stage": name})
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)
