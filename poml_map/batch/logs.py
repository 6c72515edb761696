"""What children say, kept as long as it is of use: logs of regions that are not finished, and who works on them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

from poml_map.batch.names import LOGS
from poml_map.batch.process import GRACE
from poml_map.batch.state import State
from poml_map.files import resource_error, write_text_atomic

log = logging.getLogger(__name__)

# Longer than a child needs to notice that its parent is gone, and to stop. [s]
_PATIENCE = GRACE + 5.0
_CHILDREN = ".children.json"
_SURVEY = ".survey.log"
_DIGESTS = ".digests.json"


class Logs:
    """The folder ``logs/`` of a batch.

    A log that cannot be written (a full disk) stops no batch: the regions themselves will say so.

    Parameters
    ----------
    out : Path
        Folder of the batch.

    Raises
    ------
    ResourceError
        If the folder cannot be made.
    """

    def __init__(self, out: Path):
        self.folder = out / LOGS
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise resource_error(self.folder, error) from error
        self.survey = self.folder / _SURVEY
        #: Of the inputs, from this session: see `poml_map.pipeline.digests.KnownDigests`.
        self.digests = self.folder / _DIGESTS
        with suppress(OSError):
            self.digests.unlink(missing_ok=True)
        self._children = self.folder / _CHILDREN

    def of(self, state: State) -> Path:
        """Log of a region."""
        return self.folder / f"{state.name}.log"

    def begin(self, state: State) -> None:
        """Empty the log of a region, which may be there from an earlier try."""
        with suppress(OSError):
            self.of(state).write_bytes(b"")

    def write(self, state: State, record: dict) -> None:
        """A line of a region."""
        self._append(state, f"{datetime.now():%Y-%m-%d %H:%M:%S} {record['level']} {record['message']}\n")

    def write_end(self, state: State, trace: str = "") -> None:
        """Why a region failed: all problems, and of a fault of the program where it happened."""
        self._append(state, "".join(f"Error: {line}\n" for line in state.problems) + trace)

    def _append(self, state: State, text: str) -> None:
        with suppress(OSError), open(self.of(state), "a", encoding="utf-8") as file:
            file.write(text)

    def remove(self, state: State) -> None:
        """A region that is whole has its own log in its folder."""
        with suppress(OSError):
            self.of(state).unlink(missing_ok=True)

    def keep_survey(self, state: State) -> None:
        """What the survey said before it died was about this region."""
        with suppress(OSError):
            self.survey.replace(self.of(state))

    def forget_survey(self) -> None:
        """Remove what the survey said."""
        with suppress(OSError):
            self.survey.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the folder when nothing is left to be read in it."""
        with suppress(OSError):
            self._children.unlink(missing_ok=True)
            self.digests.unlink(missing_ok=True)
            self.folder.rmdir()

    def note_children(self, pids: Sequence[int]) -> None:
        """Write down who is working, for the next batch in this folder."""
        children = []
        for pid in pids:
            with suppress(psutil.Error):
                children.append({"pid": pid, "since": psutil.Process(pid).create_time()})
        with suppress(Exception):  # of no use on a disk that is full
            write_text_atomic(self._children, json.dumps(children))

    def wait_for_orphans(self) -> None:
        """Let children of a batch that was killed stop, as they do within seconds, before their regions start again."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(self._children.read_text(encoding="utf-8"))
            orphans = [process for each in noted if (process := _same(each["pid"], each["since"]))]
            if orphans:
                log.info("waiting for %d processes of the batch before this one to stop", len(orphans))
            _, alive = psutil.wait_procs(orphans, _PATIENCE)
            for process in alive:
                process.kill()
            psutil.wait_procs(alive, 1.0)


def _same(pid: int, since: float) -> psutil.Process | None:
    """The process of that number, if it is still the same one."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if abs(process.create_time() - since) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
