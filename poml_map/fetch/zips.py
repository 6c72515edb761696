"""Zip archives of files that are called by name: every member is looked at before one is unpacked."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path

from poml_map.fetch.archives import leads_outside, refused_member, too_much
from poml_map.fetch.failures import DamagedError, RefusedError

#: What reading a damaged zip raises; a password, or a way of packing that is not known, is a RuntimeError.
ZIP_FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)

_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Bits of a member's flags: encrypted, and strongly so.
_ENCRYPTED = 0x1 | 0x40
_PIECE = 2**20
# So many members that share a name are shown.
_SHOWN = 3


def check_zip(path: Path, address: str) -> list[zipfile.ZipInfo]:
    """Files of a zip archive, none of them unpacked yet.

    Raises
    ------
    RefusedError
        Naming the member that would lie outside the archive's own folder, is a link or device, is encrypted or packed
        by anything but deflate; or if the archive has more members, or unpacks to more, than `archives` allows.
    DamagedError
        If it has no table of contents that can be read: that stands at its end.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except ZIP_FAILURES as error:
        found = f"a zip archive that is cut off or damaged ({error})"
        raise DamagedError(found, "a whole one", "Try again later; tell the publisher.", address) from error
    together = 0
    for count, member in enumerate(members, start=1):
        together += member.file_size
        wrong = _wrong(member) or too_much(count, member.file_size, together)
        if wrong:
            raise refused_member(member.filename, wrong, address)
    return [member for member in members if not member.is_dir()]


def _wrong(member: zipfile.ZipInfo) -> str:
    if leads_outside(member.filename):
        return "which leads outside"
    kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the packer wrote none
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if kind == stat.S_IFLNK else "which is no plain file"
    if member.flag_bits & _ENCRYPTED:
        return "which is encrypted"
    return "" if member.compress_type in _PLAIN else f"packed in way {member.compress_type}, not by deflate"


def check_sums(path: Path) -> None:
    """Unpack every member, keep nothing, and hold it against its checksum.

    Parameters
    ----------
    path : Path
        Passed `check_zip`: what is unpacked has a limit.

    Raises
    ------
    zipfile.BadZipFile
        Naming the member that differs, and others of `ZIP_FAILURES`.
    """
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
    if bad:
        raise zipfile.BadZipFile(f"member {bad}")


def member_called(members: list[zipfile.ZipInfo], name: str, address: str) -> zipfile.ZipInfo:
    """The one file of an archive whose name, without folders, is `name`.

    Raises
    ------
    RefusedError
        If there is none, or more than one.
    """
    found = [each for each in members if each.filename.replace("\\", "/").rpartition("/")[2] == name]
    if len(found) == 1:
        return found[0]
    mend = "Check `fetch: member:` and `spans:` of the entry."
    if found:
        places = ", ".join(each.filename for each in found[:_SHOWN])
        raise RefusedError(f"{len(found)} files called {name} ({places})", "one", mend, address)
    like = f", the first of {len(members)} is {members[0].filename}" if members else ""
    raise RefusedError(f"no file {name} in the archive{like}", "one of this name", mend, address)


def take_out(path: Path, member: zipfile.ZipInfo, file: Path, address: str) -> None:
    """Write a member to a file whose name is ours: what the archive calls it is a word for messages only.

    Raises
    ------
    DamagedError
        If it is cut off or does not fit its checksum.
    OSError
        If the file cannot be written.
    """
    with zipfile.ZipFile(path) as archive, file.open("wb") as out:
        try:
            with archive.open(member) as source:
                while piece := source.read(_PIECE):
                    out.write(piece)
        except OSError as error:
            if error.errno is not None:  # the disk, not the archive
                raise
            raise _damaged(member, error, address) from error
        except ZIP_FAILURES as error:
            raise _damaged(member, error, address) from error


def _damaged(member: zipfile.ZipInfo, error: Exception, address: str) -> DamagedError:
    found = f"member {member.filename!r} that is damaged ({error})"
    return DamagedError(found, "one that fits its checksum", "Try again.", address)
