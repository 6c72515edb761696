"""A run folder that never holds half a run.

Everything is written into a hidden folder inside the run folder and moved to its final name at the end, so that
a run that stops, for whatever reason, leaves nothing half-made behind.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from poml_map.errors import InputError, Problem, ResourceError
from poml_map.files import resource_error

# Of the process that writes it.
_UNFINISHED = ".unfinished-{}"


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A hidden folder inside `out`; what it holds moves to `out` when the block ends well, else it goes.

    Raises
    ------
    InputError
        If `out` is a file.
    ResourceError
        If the disk or folder refuses, or another run is writing into `out`.
    """
    first = next((path for path in (out, *out.parents) if path.exists()), out)
    if first.exists() and not first.is_dir():
        raise InputError(Problem(str(first), "--out", "a file", "a folder", "Choose another name."))
    made = [path for path in (out, *out.parents) if not path.exists()]
    folder = out / _UNFINISHED.format(os.getpid())
    try:
        _clear_leftovers(out)
        folder.mkdir(parents=True)
        yield folder
        _publish(folder, out)
    except OSError as error:
        raise resource_error(error.filename or out, error) from error
    finally:
        try:
            _clean_up(folder, made)
        except BaseException:  # a signal that comes now must wait
            _clean_up(folder, made)
            raise


def _clean_up(folder: Path, made: list[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path in made:
        with suppress(OSError):  # not there, or not empty as it should be
            path.rmdir()


def refuse_while_written(out: Path) -> None:
    """Raise ResourceError while another run is writing into `out`."""
    for leftover in out.glob(_UNFINISHED.format("*")):
        pid = leftover.name.rpartition("-")[2]
        if pid.isdigit() and _is_alive(int(pid)):
            message = f"{out}: another run (process {pid}) is writing into this folder. "
            raise ResourceError(message + "Wait for it, or choose another folder with --out.")


def _clear_leftovers(out: Path) -> None:
    """Remove what a killed run left in `out`; refuse if its process is still alive."""
    refuse_while_written(out)
    for leftover in out.glob(_UNFINISHED.format("*")):
        shutil.rmtree(leftover, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _publish(folder: Path, out: Path) -> None:
    """Move all of `folder` to its final name, or nothing: an earlier run is put aside, and back on failure."""
    items, earlier = sorted(folder.iterdir()), folder / ".earlier"
    earlier.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for item in items:
            final = out / item.name
            aside = [(final, earlier / item.name)] if final.exists() or final.is_symlink() else []
            for source, target in [*aside, (item, final)]:
                source.rename(target)
                moved.append((source, target))
    except BaseException:  # Ctrl-C too
        for source, target in reversed(moved):
            target.rename(source)
        raise


class Heard(logging.Handler):
    """Keeps what the program says, from before there is a folder to write it to."""

    def __init__(self):
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.records.append(record)

    def warnings(self, *parts: str) -> list[str]:
        """Warnings that these parts of the package gave, each once."""
        loggers = tuple(f"poml_map.{part}" for part in parts)
        said = (r for r in self.records if r.levelno >= logging.WARNING and r.name.startswith(loggers))
        return list(dict.fromkeys(record.getMessage().strip() for record in said))


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear everything the program says while the block runs, whatever the terminal shows."""
    logger, heard = logging.getLogger("poml_map"), Heard()
    level = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)


@contextmanager
def log_file(path: Path, heard: Heard) -> Iterator[None]:
    """What was heard and will be said, with times, in the run folder too; of a run that fails it goes with all else.

    Parameters
    ----------
    path : Path
    heard : Heard
        Of a block of `listening` around this one.
    """
    logger = logging.getLogger("poml_map")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for record in heard.records:
        handler.emit(record)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
