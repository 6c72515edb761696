"""How far the downloads are, as plain log lines that a batch log can hold."""

from __future__ import annotations

import logging
import threading
import time

from poml_map.limits import size_text

log = logging.getLogger("poml_map")

# A line at most so often. [s]
_EVERY = 2.0


class Meter:
    """Counts files and bytes; may be used by several threads.

    Parameters
    ----------
    files : int
        How many are wanted.
    clock : callable
        Seconds.
    even : bool
        Whether each file takes bytes of its own, so that those that came tell of those to come: not where hundreds are
        cut from one archive.
    """

    def __init__(self, files: int, clock=time.monotonic, even: bool = True):
        self.files, self.even, self._clock = files, even, clock
        self.bytes = self.done = 0
        self._lock = threading.Lock()
        self._started = self._said = clock()
        self._line = ""

    def came(self, size: int) -> None:
        """Bytes came from a server."""
        with self._lock:
            self.bytes += size
            self._say()

    def finished(self) -> None:
        """A file is done, however it ended."""
        with self._lock:
            self.done += 1
            self._say()

    def _say(self) -> None:
        now = self._clock()
        if now - self._said < _EVERY or self.done >= self.files:
            return
        spent, foreseen = now - self._started, self.done > 0 and self.even
        line = f"  fetch: {self.done} of {self.files} files, {size_text(self.bytes)}"
        if line == self._line:  # nothing but waiting
            return
        self._said, self._line = now, line
        if foreseen:
            line += f" of about {size_text(self.bytes / self.done * self.files)}"
        line += f", {size_text(self.bytes / spent)}/s"
        if foreseen:
            line += f", {_duration(spent / self.done * (self.files - self.done))} left"
        log.info(line, extra={"step": "fetch", "done": self.done, "total": self.files})


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
