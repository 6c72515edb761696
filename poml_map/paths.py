"""Whether what a path leads to lies below the folders that a run may read: real paths, links followed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def is_local(text: str) -> bool:
    """Whether a path as written names a file: no address, and none of GDAL's virtual places.

    Examples
    --------
    >>> is_local("sources/dem.tif"), is_local("https://example.org/dem.tif"), is_local("/vsizip/a.zip/dem.tif")
    (True, False, False)
    """
    return "://" not in text and not text.lower().startswith("/vsi")


def is_inside(path: Path, roots: Iterable[Path]) -> bool:
    """Whether the real place of `path` is one of `roots` or lies below one; all of them real folders."""
    real = path.resolve()
    return any(real.is_relative_to(root) for root in roots)


def leads_out(path: Path, roots: tuple[Path, ...]) -> Path | None:
    """The first of the files that opening `path` may open and that does not lie below `roots`.

    Libraries open more than they are told: GDAL whatever is named like the file (``.msk``, ``.ovr``, ``.dbf``, a
    header), Zarr everything in the folder. What is no link lies where its folder lies, so only links are followed.

    Parameters
    ----------
    path : Path
        A file, or a folder such as a Zarr store.
    roots : tuple of Path
        Real folders.

    Returns
    -------
    Path or None
        As it is called, not where it leads. Of a folder also a link to a folder, wherever that lies, and what is
        neither a file nor a folder: a pipe would be waited for without end.

    Raises
    ------
    OSError, RuntimeError, ValueError
        If a path cannot be followed: no access, a loop of links, a zero byte.
    """
    if not is_inside(path, roots):
        return path
    if path.is_dir():
        return next(_strange(path, roots), None)
    return next((each for each in beside(path) if each.is_symlink() and not is_inside(each, roots)), None)


def beside(path: Path) -> Iterator[Path]:
    """Other files of the folder that are named like `path`, in any case: ``a.tif.msk`` and ``A.hdr`` of ``a.tif``."""
    if not path.parent.is_dir():
        return
    own = path.stem.casefold() + "."
    for name in sorted(os.listdir(path.parent)):
        if name != path.name and name.casefold().startswith(own):
            yield path.parent / name


def _strange(folder: Path, roots: tuple[Path, ...]) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _strange(Path(entry.path), roots)
            elif entry.is_symlink():
                if not (entry.is_file() and is_inside(Path(entry.path), roots)):
                    yield Path(entry.path)
            elif not entry.is_file():
                yield Path(entry.path)
