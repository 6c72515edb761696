"""How often and how long a server is asked again."""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from poml_map.fetch.failures import StoppedError

#: Answers after which the same question may go well: too early, too many, or the server's own trouble.
PASSING = (408, 425, 429, 500, 502, 503, 504)

#: A file that keeps changing on the server, or comes damaged, is brought so often.
MOST_VERSIONS, MOST_DAMAGED = 3, 2

# A server that asks for longer is told to the user, who knows better when to come back. [s]
_LONGEST_ASKED = 300.0


@dataclass
class Patience:
    """Tries, with pauses that double and are drawn at random, so that many clients do not come back together.

    Parameters
    ----------
    tries : int
        Of one request, the first included.
    first, most : float
        Pause after the first failure, and the longest. [s]
    stop : threading.Event
        Once it is set, nothing is asked any more.

    Examples
    --------
    >>> patience = Patience(draw=lambda: 1.0)
    >>> [patience.pause(failures) for failures in (1, 2, 3, 9)]
    [1.0, 2.0, 4.0, 60.0]
    >>> patience.pause(1, "30")
    30.0
    """

    tries: int = 6
    first: float = 1.0
    most: float = 60.0
    draw: object = random.random
    sleep: object = None
    stop: threading.Event = field(default_factory=threading.Event)

    def pause(self, failures: int, asked: str = "") -> float | None:
        """Seconds to wait after so many failures; None if the server asks for too long.

        Parameters
        ----------
        failures : int
            From 1.
        asked : str
            The header Retry-After: seconds, or a date.
        """
        wished = retry_after(asked)
        if wished is not None and wished > _LONGEST_ASKED:
            return None
        own = min(self.first * 2 ** (failures - 1), self.most) * (0.5 + 0.5 * self.draw())
        return max(own, wished or 0.0)

    def wait(self, seconds: float) -> None:
        """Wait, unless the command was stopped."""
        if self.sleep is not None:
            self.sleep(seconds)
        else:
            self.stop.wait(seconds)
        self.go_on()

    def go_on(self) -> None:
        """Raise `StoppedError` once the command was stopped."""
        if self.stop.is_set():
            raise StoppedError("stopped")


def retry_after(text: str) -> float | None:
    """Seconds of a Retry-After header, which may be a date; None if it says nothing.

    Examples
    --------
    >>> retry_after("120"), retry_after(""), retry_after("soon")
    (120.0, None, None)
    >>> retry_after("Sun, 06 Nov 1994 08:49:37 GMT")
    0.0
    """
    try:
        return max(float(int(text)), 0.0)
    except OverflowError:
        return math.inf
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
