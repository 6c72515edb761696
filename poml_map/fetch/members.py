"""Files that lie in zip archives by name: an archive comes once for all of them, and is looked at once a command."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from poml_map.errors import PomlError
from poml_map.fetch.cache import Cache, Kept
from poml_map.fetch.client import Client
from poml_map.fetch.failures import FetchError
from poml_map.fetch.job import Job
from poml_map.fetch.remote import LocalFile
from poml_map.fetch.whole import bring_whole
from poml_map.fetch.zips import check_zip, member_called, take_out


@dataclass
class _Archive:
    """One archive, or why it could not be brought."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: Kept | None = None
    members: list[zipfile.ZipInfo] = field(default_factory=list)
    error: Exception | None = None


class Archives:
    """The zip archives of one command; may be used by several threads at once.

    Ten years of half-months are 240 files of one archive. It is counted and checked for the first of them; one that
    could not be brought is not asked for again by the others.

    Parameters
    ----------
    client : Client
    cache : Cache
    refresh : bool
        Ask the server whether it still has the archive of the cache.
    """

    def __init__(self, client: Client, cache: Cache, refresh: bool = False):
        self.client, self.cache, self.refresh = client, cache, refresh
        self._archives: dict[str, _Archive] = {}
        self._lock = threading.Lock()

    @contextmanager
    def member(self, job: Job) -> Iterator[LocalFile]:
        """The file that a job wants, taken out while the block runs.

        Raises
        ------
        FetchError, ResourceError
        """
        address = job.address()
        archive = self._brought(address, job)
        member = member_called(archive.members, job.member, address)
        with self.cache.work_file(".member") as file:
            with self.cache.room(f"work/{file.name}"):
                take_out(archive.kept.path, member, file, address)
            yield LocalFile(file, archive.kept.stamps[address], address)

    def _brought(self, address: str, job: Job) -> _Archive:
        with self._lock:
            archive = self._archives.setdefault(address, _Archive())
        with archive.lock:
            if archive.error is not None:
                raise archive.error
            if archive.kept is None:
                try:
                    kept = bring_whole(
                        self.client, self.cache, address, job.kind, job.sha256(address), self.refresh
                    )
                    archive.members = check_zip(kept.path, address)
                    archive.kept = kept
                except (FetchError, PomlError) as error:
                    archive.error = error
                    raise
            return archive
