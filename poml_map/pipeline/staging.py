"""A run folder that never holds half a run.

Everything is written into a hidden folder inside the run folder and moved to its final name at the end. What is there
when a run is stopped stays there for the same command, if the run can go on from it; else it goes.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from poml_map.errors import InputError, Problem, ResourceError
from poml_map.files import resource_error, write_text_atomic
from poml_map.pause import pause
from poml_map.pipeline.lock import LOCK, hold

log = logging.getLogger(__name__)

#: Inside the run folder, while it is made and after a stop.
UNFINISHED = ".unfinished"

#: In the hidden folder of a run that can be gone on with: the steps that are done.
STEPS = ".steps.json"

# In the hidden folder: names that are being moved out of it, and what they replace.
_MOVING, _EARLIER = ".moving", ".earlier"


@contextmanager
def staging(out: Path, *, resumable: bool = False, outdated: tuple[str, ...] = ()) -> Iterator[Path]:
    """A hidden folder inside `out`; what it holds moves to `out` when the block ends well.

    Parameters
    ----------
    out : Path
        Made if it is not there.
    resumable : bool
        If the block does not end well the folder stays as it is for the next time, unless the input was wrong or no
        step is done (there is no `STEPS` in it).
    outdated : tuple of str
        Names in `out` that go at the end if the folder holds nothing of their name: an earlier run made them.

    Yields
    ------
    Path
        Of an earlier block only what that left, if `resumable`.

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
    folder = out / UNFINISHED
    try:
        with hold(out):
            _remove_strange(folder)
            finish_moving(out)
            if not resumable:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=True)
            with _removing(folder, resumable):
                yield folder
                _publish(folder, out, outdated)
    except OSError as error:
        raise resource_error(error.filename or out, error) from error
    except MemoryError as error:
        mend = "Close other programs, or give fewer --workers or a smaller --tile-size."
        raise ResourceError(f"{out}: not enough memory for this run. {mend}") from error
    finally:
        for path in made:
            with suppress(OSError):  # not there, or not empty as it should be
                path.rmdir()


def _remove_strange(folder: Path) -> None:
    """Begin anew where the hidden folder is, or holds, what no run puts there: a link leads to files of others."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif any(each.is_symlink() or not (each.is_file() or each.is_dir()) for each in folder.rglob("*")):
        shutil.rmtree(folder)


@contextmanager
def _removing(folder: Path, resumable: bool) -> Iterator[None]:
    """Remove the folder after the block, but for what may be resumed."""
    keep = False
    try:
        yield
    except BaseException as error:
        keep = resumable and not isinstance(error, InputError) and (folder / STEPS).exists()
        raise
    finally:
        if not keep:
            try:
                shutil.rmtree(folder, ignore_errors=True)
            except BaseException:  # a signal that comes now must wait
                shutil.rmtree(folder, ignore_errors=True)
                raise


def _publish(folder: Path, out: Path, outdated: tuple[str, ...]) -> None:
    """Move all of `folder` to its final name, or nothing: an earlier run is put aside, and back on failure.

    A kill in between leaves the list of names, by which `finish_moving` goes on.
    """
    shutil.rmtree(folder / _EARLIER, ignore_errors=True)
    # What only resuming needs begins with a dot and stays until the end: a kill before the list of moves loses nothing.
    items = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    gone = [name for name in outdated if name not in items and (out / name).exists()]
    write_text_atomic(folder / _MOVING, json.dumps({"items": items, "gone": gone}))
    moved: list[tuple[Path, Path]] = []
    try:
        _move(folder, out, items, gone, moved)
    except BaseException:  # Ctrl-C too
        for source, target in reversed(moved):
            target.rename(source)
        (folder / _MOVING).unlink()
        raise


def finish_moving(out: Path) -> None:
    """Go on where a run was killed while it moved its files to their final names; only for the holder of `out`."""
    folder = out / UNFINISHED
    try:
        names = json.loads((folder / _MOVING).read_text(encoding="utf-8"))
        items, gone = names["items"], names["gone"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        items = gone = None
    if not (_are_own(items) and _are_own(gone)):  # written by no run
        log.warning("%s: its list of files to move is none of a run: begun anew", folder)
        shutil.rmtree(folder)
        return
    _move(folder, out, items, gone, [])
    shutil.rmtree(folder)


def _are_own(names: object) -> bool:
    return isinstance(names, list) and all(map(is_own_name, names))


def is_own_name(name: object) -> bool:
    """Whether something read from a file is the name of a file or folder directly inside the run folder.

    Examples
    --------
    >>> [is_own_name(name) for name in ("maps", "..", "/etc", "a/../..", ".lock", "", None)]
    [True, False, False, False, False, False, False]
    """
    if not isinstance(name, str) or "\0" in name or name in ("", ".", "..", UNFINISHED, LOCK):
        return False
    return "/" not in name and "\\" not in name


def _move(folder: Path, out: Path, items: list[str], gone: list[str], moved: list[tuple[Path, Path]]) -> None:
    earlier = folder / _EARLIER
    earlier.mkdir(exist_ok=True)
    for name in [*items, *gone]:
        new, final = folder / name, out / name
        is_new = new.exists() or new.is_symlink()
        if (is_new or name in gone) and (final.exists() or final.is_symlink()):
            final.rename(earlier / name)
            moved.append((final, earlier / name))
        if is_new:
            pause("publish")
            new.rename(final)
            moved.append((new, final))
