"""One writer a folder: whoever comes second is told who holds it; what a killed holder left is free at once."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import portalocker

from poml_map.errors import ResourceError
from poml_map.pipeline.clock import now

log = logging.getLogger(__name__)

#: The file that is locked. The system lets go of it when its process ends, however it ends.
LOCK = ".lock"

# Another process may remove the file between our opening and our locking it.
_ATTEMPTS = 20


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the only writer of a folder while the block runs; the folder is made if it is not there.

    Raises
    ------
    ResourceError
        If another process holds it; names that process, its machine and when it began.
    OSError
        If the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, hold(Path(folder)):
    ...     with hold(Path(folder)):
    ...         pass
    Traceback (most recent call last):
    ...
    poml_map.errors.ResourceError: ...: another run (process ... on ..., since ...) is writing into this folder. ...
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    lock = _lock(path, folder)
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):
                if _is_at(lock.fh, path):  # else the folder was removed and made again, and this is another's
                    path.unlink()  # before letting go: nobody else can have it yet
            lock.release()


def _lock(path: Path, folder: Path) -> portalocker.Lock | None:
    for _ in range(_ATTEMPTS):
        if path.is_symlink():  # no run makes one, and what it leads to would be emptied
            path.unlink()
        lock = portalocker.Lock(path, mode="a+", timeout=0, fail_when_locked=True, encoding="utf-8")
        try:
            file = lock.acquire()
        except portalocker.AlreadyLocked as error:
            raise ResourceError(_held(path, folder)) from error
        except portalocker.LockException as error:
            if isinstance(error.__cause__, PermissionError):
                raise error.__cause__ from None
            log.warning("%s: this file system has no locks: start no second run in this folder", folder)
            return None
        if _is_at(file, path):
            holder = {"process": os.getpid(), "machine": socket.gethostname(), "since": now()}
            file.truncate(0)
            file.write(json.dumps(holder))
            file.flush()
            return lock
        lock.release()
    raise ResourceError(
        f"{folder}: other runs begin and end in this folder all the time. Choose another one."
    )


def _is_at(file: IO, path: Path) -> bool:
    """Whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _held(path: Path, folder: Path) -> str:
    who = "another run"
    with suppress(OSError, ValueError, KeyError):
        holder = json.loads(path.read_text(encoding="utf-8"))
        who += f" (process {holder['process']} on {holder['machine']}, since {holder['since']})"
    return f"{folder}: {who} is writing into this folder. Wait for it, or choose another folder with --out."
