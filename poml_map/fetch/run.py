"""Many files side by side, each into its place; one that fails never stops the others, all is told together."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from poml_map.catalog import first_of_files, path_problem
from poml_map.errors import InputError, PomlError, Problem, Problems, ResourceError
from poml_map.fetch.address import shown_address
from poml_map.fetch.bring import Bringer
from poml_map.fetch.cache import Cache, Kept, object_path
from poml_map.fetch.client import ALL_HOSTS, Client
from poml_map.fetch.failures import FetchError
from poml_map.fetch.job import Job
from poml_map.fetch.progress import Meter
from poml_map.fetch.record import Line, Record
from poml_map.files import atomic_path, resource_error, sha256_of_file
from poml_map.limits import size_text
from poml_map.paths import is_inside

log = logging.getLogger(__name__)

#: What became of a file: brought from a server, taken from the cache, here already, or the user's own.
BROUGHT, CACHED, HERE, YOURS = "brought", "from the cache", "here already", "left alone"

# Lines of what network and machine did; a full disk says the same of every file.
_LINES = 12


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes
    ----------
    job : Job
    how : str
        One of the words above; empty if it failed.
    bytes : int
        Of the local file.
    notes : tuple of str
    error : Exception, optional
    """

    job: Job
    how: str = ""
    bytes: int = 0
    notes: tuple[str, ...] = ()
    error: Exception | None = None


def run_jobs(jobs: list[Job], client: Client, cache: Cache, refresh: bool, meter: Meter) -> list[Outcome]:
    """Do all jobs.

    Parameters
    ----------
    jobs : list of Job
    client : Client
    cache : Cache
    refresh : bool
    meter : Meter

    Returns
    -------
    list of Outcome
        In the order of the jobs.
    """
    bringer = Bringer(client, cache, refresh)
    pool = ThreadPoolExecutor(ALL_HOSTS, thread_name_prefix="fetch")
    try:
        futures = [pool.submit(_one, job, bringer, refresh, meter) for job in jobs]
        left: set[Future] = set(futures)
        while left:  # in short waits, so that Ctrl-C is heard
            _, left = wait(left, 0.5, FIRST_COMPLETED)
        return [future.result() for future in futures]
    finally:
        client.patience.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        client.patience.stop.clear()


def _one(job: Job, bringer: Bringer, refresh: bool, meter: Meter) -> Outcome:
    try:
        folder = bringer.cache.folder
        outcome = _of_user(job, folder) if refresh else local_outcome(job, folder)
        return outcome or _bring(job, bringer)
    except (PomlError, FetchError) as error:
        return Outcome(job, error=error)
    finally:
        meter.finished()


def local_outcome(job: Job, cache: Path) -> Outcome | None:
    """What is here, without asking anybody: the file for this very window, or one of the user's own.

    Parameters
    ----------
    job : Job
    cache : Path
        Folder of the cache; need not be there.

    Returns
    -------
    Outcome or None
        None if the file must be brought.
    """
    line, path = _line(job), job.path
    if line is not None and line.window == job.key and Record(job.source.root).has(path, line):
        return Outcome(job, HERE, line.bytes)
    return _of_user(job, cache)


def _line(job: Job) -> Line | None:
    return Record(job.source.root).read().get(job.shown)


def _of_user(job: Job, cache: Path) -> Outcome | None:
    """A file that is not of ours; what the cache has byte by byte is, though a kill came before the record."""
    path, line = job.path, _line(job)
    if not (path.exists() or path.is_symlink()) or Record(job.source.root).has(path, line):
        return None
    if path.is_file() and object_path(cache, sha256_of_file(path)).is_file():
        return None
    note = "it was there before, and is not from `poml-map fetch`"
    if line is not None:
        note = f"it differs from what was fetched on {line.date[:10]}: remove it to have that again"
    return Outcome(job, YOURS, _size(path), (note,))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _bring(job: Job, bringer: Bringer) -> Outcome:
    before = _line(job)
    kept, cached = bringer.make(job)
    notes = kept.notes
    if before is not None and before.window != job.key:
        notes = (*notes, "made again for another window")
    deliver(job, kept)
    return Outcome(job, CACHED if cached else BROUGHT, kept.bytes, notes)


def deliver(job: Job, kept: Kept) -> None:
    """Copy an object of the cache to where the entry wants it, check the copy, and note it in the record.

    Raises
    ------
    InputError
        If that is outside the folders that the region may use.
    ResourceError
    """
    path, source = job.path, job.source
    if not is_inside(path.parent, source.allowed):
        problem = path_problem(source, path, job.shown)
        raise InputError(problem or source.problem("a path outside", "a file below the root", file=job.shown))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise resource_error(path, error, kept.bytes) from error
    with atomic_path(path, needed=kept.bytes) as temporary:
        shutil.copyfile(kept.path, temporary)
        if sha256_of_file(temporary) != kept.sha256:
            raise ResourceError(f"{job.shown}: the copy differs from the cache. Check the disk.")
    address, stamp = next(iter(kept.stamps.items()))
    window = "" if job.whole or job.place is None else str(job.place.facts.get("grid", ""))
    line = Line(
        job.shown, source.name, shown_address(address), kept.sha256, kept.bytes, stamp.etag, stamp.modified, kept.date,
        job.key, window,
    )  # fmt: skip
    try:
        Record(source.root).add(line)
    except OSError as error:
        raise resource_error(Record(source.root).path, error) from error


def outcome_lines(outcomes: list[Outcome]) -> list[str]:
    """A table for people: one line an entry, and what there is to say of single files."""
    lines, by_entry = [], _by_entry(outcomes)
    width = max((len(name) for name in by_entry), default=0)
    for name, own in by_entry.items():
        good = [each for each in own if not each.error]
        size = size_text(sum(each.bytes for each in good)) if good else ""
        counts = _counts(own)
        lines.append(f"  {name:{width}}  {len(good)} of {counted(len(own))}, {size or 'nothing'}: {counts}")
        lines += _notes(good)
    return lines


def counted(number: int, what: str = "file") -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1), counted(2), counted(2, "archive")
    ('1 file', '2 files', '2 archives')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _counts(own: list[Outcome]) -> str:
    found: dict[str, int] = {}
    for each in own:
        how = "failed" if each.error else each.how
        found[how] = found.get(how, 0) + 1
    return ", ".join(f"{count} {how}" for how, count in found.items())


def _notes(own: list[Outcome]) -> list[str]:
    """The same note of many files once, with their number."""
    found: dict[str, list[str]] = {}
    for each in own:
        for note in each.notes:
            found.setdefault(note, []).append(each.job.shown)
    return [
        f"    {files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}: {note}"
        for note, files in found.items()
    ]


def _by_entry(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for each in outcomes:
        found.setdefault(each.job.source.name, []).append(each)
    return found


def raise_failures(outcomes: list[Outcome], tell: Callable[[str], None]) -> None:
    """Raise all failures at once.

    Parameters
    ----------
    outcomes : list of Outcome
    tell : callable
        Gets the lines that do not fit into the error that is raised.

    Raises
    ------
    InputError
        If something of catalog or server is wrong; failures of the network are told along.
    ResourceError
        If only network or machine failed.
    """
    problems, machine = Problems(), []
    for own in _by_entry(outcomes).values():
        source, found, alike = own[0].job.source, [], {}
        for each in own:
            if isinstance(each.error, InputError):
                found += each.error.problems
            elif isinstance(each.error, FetchError):
                # Which file is wrong on a server must be known; a network that is down is one fact.
                file = _problem(each).file if each.error.of_input else ""
                alike.setdefault((each.error.found, file), []).append(_problem(each))
            elif each.error is not None:
                machine.append(str(each.error))
        wrong = any(
            isinstance(each.error, InputError) or getattr(each.error, "of_input", False) for each in own
        )
        found += [_once(each, len(own)) for each in alike.values()]
        told = first_of_files(source, list(dict.fromkeys(found)), len(own))
        if wrong:
            problems.extend(told)
        else:
            machine += [str(problem) for problem in told]
    machine = list(dict.fromkeys(machine))
    if len(machine) > _LINES:
        machine = [*machine[:_LINES], f"{len(machine) - _LINES} more failed like these."]
    if len(problems):
        for line in machine:
            tell(line)
        problems.raise_if_any()
    if machine:
        raise ResourceError("\n".join(machine))


def _once(alike: list[Problem], files: int) -> Problem:
    """One line for files of an entry that failed in the same way, with the address of the first."""
    if len(alike) == 1:
        return alike[0]
    count = "all" if len(alike) == files else f"{len(alike)} of"
    return replace(alike[0], found=f"{alike[0].found}, the same for {count} {files} files")


def _problem(outcome: Outcome) -> Problem:
    error, source = outcome.error, outcome.job.source
    address = shown_address(error.address or outcome.job.address("{tile}"))
    return source.problem(error.found, error.expected, error.mend, file=address)
