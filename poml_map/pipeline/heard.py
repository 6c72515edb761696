"""What the program says, kept from its first word on: for the log of a run, and for its list of warnings."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
