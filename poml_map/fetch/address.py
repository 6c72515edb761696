"""Addresses: which are asked at all, where a mirror has them, and how they are shown."""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit, urlunsplit

from poml_map.fetch.failures import RefusedError

_SCHEMES = ("http", "https")


def check_address(address: str) -> str:
    """The address, if it is one that may be asked.

    Raises
    ------
    RefusedError
        If it is not of http or https, holds a user or password, or has no host.

    Examples
    --------
    >>> check_address("https://example.org/a.tif")
    'https://example.org/a.tif'
    >>> check_address("file:///etc/passwd")
    Traceback (most recent call last):
    ...
    poml_map.fetch.failures.RefusedError: an address of file:, expected http:// or https://
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedError(f"an address that cannot be read ({error})", "https://HOST/PATH") from error
    if parts.scheme not in _SCHEMES:
        found = f"an address of {parts.scheme or 'no scheme'}:"
        raise RefusedError(found, "http:// or https://", "Check `fetch: url:` of the entry.")
    if parts.username or parts.password:
        mend = "Take them out: ~/.netrc is read, and no log holds it."
        raise RefusedError("a user or password in the address", "none", mend, shown_address(address))
    if not host or any(sign.isspace() or ord(sign) < 32 for sign in address):
        raise RefusedError("an address without a host, or with blanks", "https://HOST/PATH")
    return address


def asked_at(address: str, mirror: str | None) -> str:
    """Where an address is asked: there, or below a mirror.

    Examples
    --------
    >>> asked_at("https://example.org/a/b.tif", "http://127.0.0.1:8000/")
    'http://127.0.0.1:8000/example.org/a/b.tif'
    >>> asked_at("https://example.org/a/b.tif", None)
    'https://example.org/a/b.tif'
    """
    if mirror is None:
        return address
    parts = urlsplit(address)
    query = f"?{parts.query}" if parts.query else ""
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}{query}"


def shown_address(address: str) -> str:
    """For messages and logs: no user, no password, no query.

    Examples
    --------
    >>> shown_address("https://me:secret@example.org/a.tif?token=1")
    'https://example.org/a.tif'
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def file_name(address: str) -> str:
    """The last part of an address, for messages and checksums; never for a path.

    Examples
    --------
    >>> file_name("https://example.org/a/ppt_1980.nc?x=1")
    'ppt_1980.nc'
    """
    return posixpath.basename(urlsplit(address).path)


def beside(address: str, name: str) -> str:
    """The address of a file that another one names, below its folder.

    Raises
    ------
    RefusedError
        If the name is absolute, an address, one of GDAL's virtual places, or leads up.

    Examples
    --------
    >>> beside("https://example.org/clay/mean.vrt", "./mean/tile_1.tif")
    'https://example.org/clay/mean/tile_1.tif'
    >>> beside("https://example.org/clay/mean.vrt", "../../secret.tif")
    Traceback (most recent call last):
    ...
    poml_map.fetch.failures.RefusedError: the name '../../secret.tif', expected a file below the folder of the list
    """
    parts = name.replace("\\", "/").split("/")
    leads_out = name.startswith(("/", "\\")) or ".." in parts or "%" in name or "?" in name or "#" in name
    if not name or leads_out or ":" in name or any(ord(sign) < 32 for sign in name):
        mend = "Bring the files by hand if you trust the list."
        raise RefusedError(
            f"the name {name!r}", "a file below the folder of the list", mend, shown_address(address)
        )
    base = urlsplit(address)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base.path), *parts))
    return urlunsplit((base.scheme, base.netloc, path, "", ""))
