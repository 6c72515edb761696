"""What an earlier run left that need not be made again: in the hidden folder of a stopped one, or a finished one.

Nothing is believed for being there: a step counts if its parts are the same and every file has its checksum.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poml_map.files import sha256_of_file, write_text_atomic
from poml_map.mapping import TileJournal, frame_digest
from poml_map.pause import pause
from poml_map.pipeline.manifest import VALIDATION
from poml_map.pipeline.staging import STEPS
from poml_map.pipeline.steps import Parts, differences

log = logging.getLogger(__name__)

#: The store of a run, and the list of its tiles with checksums.
STORE, TILES = "maps.zarr", "tiles.jsonl"

MANIFEST = "manifest.json"

# In the hidden folder: the GeoTIFFs that are whole.
_RASTERS = ".rasters.jsonl"


@dataclass
class Progressed:
    """Steps of the run in a hidden folder, and what a finished run beside it could give.

    Attributes
    ----------
    folder : Path
        Where the run is made.
    out : Path
        Its final place, perhaps with a finished run.
    kept : list of str
        What need not be made again, in words.
    """

    folder: Path
    out: Path
    kept: list[str] = field(default_factory=list)
    _steps: dict[str, dict] = field(default_factory=dict)
    _earlier: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def look(cls, folder: Path, out: Path) -> Progressed:
        """See what there is."""
        return cls(folder, out, _steps=read_json(folder / STEPS), _earlier=read_json(out / MANIFEST))

    def model(self, parts: Parts, files: Sequence[str]) -> bool:
        """Whether the files of the model lie in the folder, whole and of these parts; they may come from `out`."""
        if self._take("model", parts, files):
            self.kept.append("the model")
            log.info("  kept: the model")
            return True
        _remove(self.folder, files)
        return False

    def note_model(self, parts: Parts, digests: dict[str, str]) -> None:
        """The model lies in the folder."""
        self._note("model", {"parts": parts, "files": digests})

    def tile_size(self, parts: Parts) -> int | None:
        """Of a store of these parts, if there is one. [pixels]"""
        steps = (self._steps.get("maps"), self._earlier.get("steps", {}).get("maps"))
        return next((each["tile_size"] for each in steps if each and each["parts"] == parts), None)

    def tiles(
        self, parts: Parts, size: int, layers: Sequence[str], create: Callable[[Path], None]
    ) -> TileJournal:
        """The store in the folder, made by `create` if there is none of these parts, and what is in it already.

        Parameters
        ----------
        parts : dict
        size : int
            Of the tiles. [pixels]
        layers : sequence of str
        create : callable
            Takes the path of the store.
        """
        store, journal = self.folder / STORE, self.folder / TILES
        if self.tile_size(parts) != size or not self._take("maps", parts, (STORE, TILES), layers):
            _remove(self.folder, (STORE, TILES))
            create(store)
            about = {"frame": frame_digest(store, layers), "layers": list(layers), "tile_size": size}
            journal.touch()
            self._note("maps", {"parts": parts, **about})
        found = TileJournal.open(journal, store, layers)
        if found.found:
            self.kept.append(_counted(len(found.found), "tile"))
            log.info("  kept: %s of the maps", self.kept[-1])
        return found

    def rasters(self, parts: Parts) -> RasterJournal:
        """The GeoTIFFs in the folder; those of a finished run of these parts come in."""
        folder, why = self.folder / "maps", ""
        if self._parts("rasters") != parts:
            why = differences(self._parts("rasters") or self._parts_of_finished("rasters"), parts)
            _remove(self.folder, ("maps", _RASTERS))
            folder.mkdir()
            if self._parts_of_finished("rasters") == parts:
                self._link_rasters()
            elif why:
                log.info("  again: the GeoTIFFs, because %s", why)
        folder.mkdir(exist_ok=True)
        self._note("rasters", {"parts": parts})
        found = RasterJournal.open(self.folder / _RASTERS, folder)
        if found.whole:
            self.kept.append(_counted(len(found.whole), "GeoTIFF"))
            log.info("  kept: %s", self.kept[-1])
        return found

    def close(self, products: Parts | None = None) -> dict[str, dict]:
        """All but the last step is done: forget what only resuming needs, and tell the steps for the manifest.

        Parameters
        ----------
        products : dict, optional
            Parts of the last step, if there is one.
        """
        if products is not None:
            self._steps["products"] = {"parts": products}
        _remove(self.folder, (STEPS, _RASTERS))
        return self._steps

    def outdated(self) -> list[str]:
        """Names that the finished run beside it made; a run that makes no such file again lets them go."""
        return sorted({name.split("/")[0] for name in self._earlier.get("outputs", {})} - {VALIDATION})

    def clear(self) -> None:
        """Begin anew."""
        _remove(self.folder, [path.name for path in self.folder.iterdir()])

    def _link_rasters(self) -> None:
        journal = RasterJournal.open(self.folder / _RASTERS, self.folder / "maps")
        for name, digest in dict(self._earlier.get("outputs", {})).items():
            source = self.out / name
            if name.startswith("maps/") and source.is_file() and sha256_of_file(source) == digest:
                link(source, self.folder / name)
                journal.add(self.folder / name, digest)

    def _take(self, step: str, parts: Parts, files: Sequence[str], layers: Sequence[str] = ()) -> bool:
        """Whether a step of these parts is in the folder, or can be linked into it from the finished run."""
        why = ""
        for place, record in ((self.folder, self._steps), (self.out, self._earlier.get("steps", {}))):
            known = record.get(step)
            if known is None:
                continue
            if known["parts"] != parts:
                why = why or differences(known["parts"], parts)
            elif not (all((place / name).exists() for name in files) and _is_whole(place, known, layers)):
                why = "files of it are missing or damaged"
            else:
                for name in files if place == self.out else ():
                    link(place / name, self.folder / name)
                self._note(step, known)
                return True
        if why:
            log.info("  again: the %s, because %s", step, why)
        return False

    def _parts(self, step: str) -> Parts | None:
        return self._steps.get(step, {}).get("parts")

    def _parts_of_finished(self, step: str) -> Parts | None:
        return self._earlier.get("steps", {}).get(step, {}).get("parts")

    def _note(self, step: str, record: dict) -> None:
        self._steps[step] = record
        write_text_atomic(self.folder / STEPS, json.dumps(self._steps))


@dataclass
class RasterJournal:
    """GeoTIFFs that lie whole in the folder. Make it with `RasterJournal.open`.

    Attributes
    ----------
    path : Path
        One line of JSON a file: name and SHA-256.
    whole : set of str
        Names.
    """

    path: Path
    whole: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, path: Path, folder: Path) -> RasterJournal:
        """Read the list, keep what is true, and remove from `folder` whatever else lies there."""
        listed = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                name, digest = json.loads(line)
                listed[name] = digest
            except ValueError:  # the last line of a run that was killed
                continue
        whole = {
            name: digest
            for name, digest in listed.items()
            if (folder / name).is_file() and sha256_of_file(folder / name) == digest
        }
        _remove(folder, [each.name for each in folder.iterdir() if each.name not in whole])
        path.write_text("".join(map(_raster_line, whole.items())), encoding="utf-8")
        return cls(path, set(whole))

    def add(self, file: Path, digest: str | None = None) -> None:
        """Note a file that is whole; may be called from any thread."""
        with self.path.open("a", encoding="utf-8") as journal:
            journal.write(_raster_line((file.name, digest or sha256_of_file(file))))

    def once(self, write: Callable) -> Callable:
        """`write(path, ...)` for files that are not whole yet."""

        def write_once(path, *arguments, **options):
            if Path(path).name in self.whole:
                return Path(path)
            written = write(path, *arguments, **options)
            self.add(written)
            pause("map")
            return written

        return write_once


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s'[: count != 1]}"


def _raster_line(pair: tuple[str, str]) -> str:
    return json.dumps(list(pair), ensure_ascii=False) + "\n"


def spoiled(out: Path, manifest: dict) -> list[str]:
    """Files of a finished run that are not there or not as they were written; of the store, how many tiles."""
    wrong = [
        name
        for name, digest in manifest["outputs"].items()
        if not (out / name).is_file() or sha256_of_file(out / name) != digest
    ]
    maps = manifest["steps"]["maps"]
    if not (out / STORE / ".zmetadata").is_file() or not _is_whole(out, maps, maps["layers"]):
        return [*wrong, STORE]
    lost = TileJournal.damaged(out / TILES, out / STORE, maps["layers"])
    return [*wrong, *([f"{_counted(lost, 'tile')} of {STORE}"] if lost else [])]


def _is_whole(place: Path, record: dict, layers: Sequence[str]) -> bool:
    if "frame" in record:
        return frame_digest(place / STORE, layers) == record["frame"]
    return all(sha256_of_file(place / name) == digest for name, digest in record["files"].items())


def read_json(path: Path) -> dict:
    """What a file of JSON holds; nothing where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def link(source: Path, target: Path) -> None:
    """The same file, or folder of files, under another name: no byte is copied where the file system can do without."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_file, dirs_exist_ok=True)
    else:
        _link_file(source, target)


def _link_file(source, target) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
