"""Whole files or none: temporary name, check, flush to disk, rename.

A reader that finds a file at its final name may trust it, whatever was killed or ran full in between.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from poml_map.errors import ResourceError

#: How names of unfinished files begin; `remove_leftovers` goes by it.
TEMPORARY_PREFIX = ".part-"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO}


@contextmanager
def atomic_path(path, *, needed: int | None = None) -> Iterator[Path]:
    """A temporary path that becomes `path` when the block ends well, and vanishes when it does not.

    Write **and check** inside the block: what stands there at its end is flushed to disk and renamed.

    Parameters
    ----------
    path : str or Path
        Final name. An older file of that name stays until the rename. Its folder must exist: a folder that
        vanished during a run shall be noticed, not made again.
    needed : int, optional
        Size of the file to come, for the message when the disk is full. [byte]

    Yields
    ------
    Path
        In the same folder, with the same suffix, not existing yet.

    Raises
    ------
    ResourceError
        If the disk is full or the folder is gone or refuses; names the path, needed and free bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     os.listdir(folder)
    ['a.txt']
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        _flush_file(temporary)
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except BaseException as error:  # Ctrl-C too must leave nothing behind
        _remove_with_sidecars(temporary)
        if isinstance(error, OSError) and _is_about(error, path.parent):
            raise resource_error(path, error, needed) from error
        raise


def write_bytes_atomic(path, data, check: Callable[[Path], None] | None = None) -> Path:
    """Write `data` (bytes or a buffer) to `path` by `atomic_path`; `check` sees the temporary file first.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes_atomic(Path(folder) / "a.bin", b"abc").read_bytes()
    b'abc'
    """
    path = Path(path)
    with atomic_path(path, needed=memoryview(data).nbytes) as temporary:
        temporary.write_bytes(data)
        if check is not None:
            check(temporary)
    return path


def write_text_atomic(path, text: str) -> Path:
    """Write `text` as UTF-8 with ``\\n`` line ends to `path` by `atomic_path`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text_atomic(Path(folder) / "a.txt", "Jiāxīng").read_bytes()
    b'Ji\\xc4\\x81x\\xc4\\xabng'
    """
    return write_bytes_atomic(path, text.encode("utf-8"))


def remove_leftovers(folder) -> list[Path]:
    """Remove the unfinished files that a killed run left in `folder` (not below it); returns their paths.

    Only for the holder of the folder: another run's files in work would go too.
    """
    leftovers = sorted(Path(folder).glob(f"{TEMPORARY_PREFIX}*"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return leftovers


def sha256_of_file(path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sha256_of_file(write_text_atomic(Path(folder) / "a.txt", "abc"))[:16]
    'ba7816bf8f01cfea'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resource_error(path, error: OSError, needed: int | None = None) -> ResourceError:
    """What the machine said about writing `path`, with needed and free bytes, as a `ResourceError`."""
    path = Path(path)
    facts = [] if needed is None else [f"needed {needed} bytes"]
    facts.append(f"{_free_bytes(path.parent)} bytes free in {path.parent}")
    if error.errno in _FULL:
        mend = "Free some space or choose another folder, then run the same command again."
    else:
        mend = "Check that the folder exists and may be written to, then run the same command again."
    return ResourceError(f"{path}: cannot be written: {error.strerror}; {', '.join(facts)}. {mend}")


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether writing failed, and not the reading of some other file inside the block."""
    if error.errno not in _FULL | _REFUSED:
        return False
    return error.filename is None or Path(os.fsdecode(error.filename)).parent == folder


def _free_bytes(folder: Path) -> int | str:
    for place in (folder, *folder.absolute().parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return "unknown"  # pragma: no cover - not even the root can be asked


def _remove_with_sidecars(temporary: Path) -> None:
    """Also what libraries put beside a file while they write it (``-journal``, ``.aux.xml``)."""
    with suppress(OSError):
        for path in temporary.parent.iterdir():
            if path.name.startswith(temporary.name):
                path.unlink(missing_ok=True)


def _flush_file(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows: folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems cannot; the rename itself was done
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
