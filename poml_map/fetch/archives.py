"""Tar archives of GeoTIFF tiles, as Geomorpho90m publishes them: every member is looked at before one is unpacked."""

from __future__ import annotations

import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poml_map.fetch.cache import Cache
from poml_map.fetch.failures import DamagedError, RefusedError
from poml_map.fetch.remote import LocalFile
from poml_map.fetch.tiff import Header, TiffFile
from poml_map.limits import size_text

#: Members of an archive, and how large one and all may be unpacked. [bytes]
MOST_MEMBERS, MOST_MEMBER, MOST_UNPACKED = 10_000, 8 * 2**30, 64 * 2**30

# A long name, or a table of attributes, stands in a member of its own before the file, and is read into memory. [bytes]
_MOST_NAME = 2**20

_FAILURES = (tarfile.TarError, OSError, EOFError, zlib.error)


def check_members(path: Path, address: str) -> list[str]:
    """Names of an archive's GeoTIFFs.

    Raises
    ------
    RefusedError
        Naming the member that is a link, a device, or would lie outside the archive's own folder; or if the archive
        has more than `MOST_MEMBERS`, or unpacks to more than the limits.
    DamagedError
        If it cannot be read to its end.
    """
    found, size = [], 0
    try:
        with tarfile.open(path, "r:*", tarinfo=_Member) as archive:
            for count, member in enumerate(archive, start=1):
                size += member.size
                wrong = _wrong(member, count, size)
                if wrong:
                    raise refused_member(member.name, wrong, address)
                if member.isfile() and member.name.lower().endswith((".tif", ".tiff")):
                    found.append(member.name)
    except _FAILURES as error:
        raise DamagedError(
            f"an archive that cannot be read ({error})", "a whole one", "Try again.", address
        ) from error
    if not found:
        raise RefusedError("an archive without a GeoTIFF", "tiles in it", "Check `fetch: url:`.", address)
    return found


def refused_member(name: str, wrong: str, address: str) -> RefusedError:
    """The error of an archive with a member that is not taken out."""
    mend = "Do not unpack this archive; tell the publisher."
    return RefusedError(f"member {name!r}, {wrong}", "plain files in the archive", mend, address)


def _wrong(member: tarfile.TarInfo, count: int, size: int) -> str:
    if leads_outside(member.name):
        return "which leads outside"
    if not (member.isfile() or member.isdir()):
        return "a link" if member.issym() or member.islnk() else "which is no plain file"
    if member.issparse():
        return "which has holes"
    return too_much(count, member.size, size)


def leads_outside(name: str) -> bool:
    """Whether a member would lie outside the folder that its archive is unpacked to.

    Examples
    --------
    >>> leads_outside("a/b.tif"), leads_outside("../b.tif"), leads_outside("C:/b.tif")
    (False, True, True)
    """
    name = name.replace("\\", "/")
    return name.startswith("/") or ":" in name or ".." in name.split("/")


def too_much(count: int, size: int, together: int) -> str:
    """What is wrong with the number of members or their size unpacked, in words; empty if nothing. [bytes]"""
    if count > MOST_MEMBERS:
        return f"one of more than {MOST_MEMBERS}"
    if size > MOST_MEMBER or together > MOST_UNPACKED:
        return f"with which it unpacks to more than {size_text(min(MOST_MEMBER, MOST_UNPACKED))}"
    return ""


class _Member(tarfile.TarInfo):
    """A member whose description has a limit, too."""

    def _proc_member(self, archive: tarfile.TarFile):
        if self.size > _MOST_NAME and not (self.isfile() or self.isdir()):
            raise tarfile.ReadError(f"a description of {size_text(self.size)} of a member")
        return super()._proc_member(archive)


@contextmanager
def unpacked(
    cache: Cache, path: Path, address: str, wanted, most: int = MOST_MEMBERS
) -> Iterator[list[tuple[str, TiffFile]]]:
    """The GeoTIFFs of an archive that are `wanted`, each in a file of the cache while the block runs.

    Parameters
    ----------
    cache : Cache
    path : Path
        Passed `check_members`.
    address : str
    wanted : callable
        Takes a `Header`.
    most : int
        No more GeoTIFFs than these are looked at.
    """
    kept: list[tuple[str, TiffFile, Path]] = []
    try:
        with tarfile.open(path, "r:*", tarinfo=_Member) as archive:
            for member in archive:
                if most == 0:
                    break
                if not member.isfile() or not member.name.lower().endswith((".tif", ".tiff")):
                    continue
                most -= 1
                handle, name = tempfile.mkstemp(".tif", dir=cache.folder / "work")
                os.close(handle)
                file = Path(name)
                tiff = _take_out(cache, archive, member, file, address)
                if wanted(tiff.header):
                    kept.append((member.name, tiff, file))
                else:
                    file.unlink()
        yield [(name, tiff) for name, tiff, _ in kept]
    finally:
        for _, _, file in kept:
            file.unlink(missing_ok=True)


def _take_out(
    cache: Cache, archive: tarfile.TarFile, member: tarfile.TarInfo, file: Path, address: str
) -> TiffFile:
    """A member as a file whose name is ours: what the archive calls it is a word for messages only."""
    try:
        with cache.room(file.name), file.open("wb") as out:
            source = archive.extractfile(member)
            left = member.size
            while left and (piece := source.read(min(left, 2**20))):
                out.write(piece)
                left -= len(piece)
        if left:
            raise DamagedError(
                f"member {member.name!r} that is cut off", "a whole one", "Try again.", address
            )
        return TiffFile(LocalFile(file, None, address))
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def first_header(cache: Cache, path: Path, address: str) -> Header:
    """Header of the first GeoTIFF of an archive."""
    seen: list[Header] = []

    def first(header: Header) -> bool:
        seen.append(header)
        return False

    with unpacked(cache, path, address, first, most=1):
        return seen[0]
