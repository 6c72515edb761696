"""One at a time: processes and threads that make the same file wait for each other, and leave no lock behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import portalocker

# Whether another one is done. [s]
_ASKED_AGAIN = 0.05


@contextmanager
def only_one(path: Path, go_on: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file while the block runs; the system lets go of it when its process ends, however it ends.

    Parameters
    ----------
    path : Path
        Made, and removed at the end.
    go_on : callable
        Called while waiting; raises when there is no more reason to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with only_one(Path(folder) / "lock"):
    ...         print(os.listdir(folder))
    ...     os.listdir(folder)
    ['lock']
    []
    """
    while True:
        lock = portalocker.Lock(path, mode="a+", timeout=0, fail_when_locked=True, opener=no_link)
        try:
            file = lock.acquire()
        except portalocker.AlreadyLocked:
            go_on()
            time.sleep(_ASKED_AGAIN)
            continue
        if _is_at(file, path):
            break
        lock.release()  # its holder removed it while we waited
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def no_link(path, flags: int) -> int:
    """Open a file, for `open(..., opener=no_link)`; OSError where a link of its name leads elsewhere."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _is_at(file, path: Path) -> bool:
    """Whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False
