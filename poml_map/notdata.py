"""What lies under the name of a data file instead: a server's answer, a pointer, an archive, a workbook."""

from __future__ import annotations

import re
from pathlib import Path

#: First bytes that are looked at.
HEAD = 1024
_MOST_LETTERS = 80
_ARCHIVES = {
    b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}  # fmt: skip
# Of .xls files.
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_AGAIN = (
    "Download it again, and open the address in a browser: the server may ask for an account, or have moved the file. "
    "`poml-map fetch` takes no such answer for data."
)
_UNPACK = "Unpack it and name the file inside; `poml-map fetch` unpacks entries with `layout: archives`."
# How servers say no. Other XML may be a list of files, which is refused with words of its own where it is opened.
_ANSWERS = ("<error", "exceptionreport", "serviceexception", "<response")


def instead(head: bytes) -> tuple[str, str] | None:
    """What first bytes are of, and what to do about it.

    Parameters
    ----------
    head : bytes
        At least 512, if there are as many.

    Returns
    -------
    (str, str) or None
        None where they may be data.

    Examples
    --------
    >>> instead(b"<html><head><title>404 Not Found</title>")[0]
    'a web page, "404 Not Found"'
    >>> instead(b"version https://git-lfs.github.com/spec/v1")[1]
    'Bring the file itself: `git lfs pull` in the folder that it was cloned to.'
    >>> instead(b"CDF\\x01")
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").decode("utf-8", "replace")
    low = text[:200].lower()
    if low.startswith("version https://git-lfs"):
        mend = "Bring the file itself: `git lfs pull` in the folder that it was cloned to."
        return "a pointer of Git LFS, which stands for a file", mend
    if "<html" in low or "<!doctype html" in low:
        return f"a web page{_quoted(text, 'title') or _quoted(text, 'h1')}", _AGAIN
    if low.startswith("<") and any(each in low for each in _ANSWERS):
        said = _quoted(text, "message") or _quoted(text, "ServiceException") or _quoted(text, "code")
        return f"an XML answer of a server{said}", _AGAIN
    if low.startswith("{"):
        return f"a JSON text, {' '.join(text.split())[:_MOST_LETTERS]!r}", _AGAIN
    return _packed(head)


def _packed(head: bytes) -> tuple[str, str] | None:
    is_workbook = head.startswith(b"PK\x03\x04") and (b"[Content_Types].xml" in head or b"xl/" in head)
    if is_workbook or head.startswith(_OLD_OFFICE):
        return "a workbook of a spreadsheet program", "Save the sheet as CSV in UTF-8."
    kind = next((name for start, name in _ARCHIVES.items() if head.startswith(start)), None)
    kind = "tar" if kind is None and head[257:262] == b"ustar" else kind
    return (f"an archive ({kind})", _UNPACK) if kind else None


def lies_in(path: Path) -> tuple[str, str] | None:
    """As `instead`, of a file; None also if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return instead(stream.read(HEAD))
    except OSError:
        return None


def _quoted(text: str, tag: str) -> str:
    match = re.search(rf"<{tag}[^>]*>(.*?)<", text, re.IGNORECASE | re.DOTALL)
    words = " ".join(match[1].split())[:_MOST_LETTERS] if match else ""
    return f', "{words}"' if words else ""
