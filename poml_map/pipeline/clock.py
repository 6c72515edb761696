"""The time, as manifests and locks say it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time, in UTC, to the second.

    Examples
    --------
    >>> now().endswith("+00:00")
    True
    """
    return datetime.now(UTC).isoformat(timespec="seconds")
