"""What an earlier run left that need not be made again: in the hidden folder of a stopped one, or a finished one.

Nothing is believed for being there: a step counts if its parts are the same and every file has its checksum.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from poml_map.files import sha256_of_file, write_text_atomic
from poml_map.mapping import TileJournal, frame_digest
from poml_map.pause import pause
from poml_map.pipeline.manifest import VALIDATION
from poml_map.pipeline.remembered import outputs_in, read_json, steps_in
from poml_map.pipeline.staging import STEPS, is_own_name
from poml_map.pipeline.steps import Parts, differences
from poml_map.pipeline.trained import MODEL_FILES

log = logging.getLogger(__name__)

#: The store of a run, and the list of its tiles with checksums.
STORE, TILES = "maps.zarr", "tiles.jsonl"

MANIFEST = "manifest.json"

# In the hidden folder: a store in the making, and the GeoTIFFs that are whole.
_FRESH = ".fresh.zarr"
_RASTERS = ".rasters.jsonl"


# What steps leave in the hidden folder for each other; the rest is made anew.
_KEPT = {*MODEL_FILES, STORE, TILES, "maps", STEPS, _RASTERS, "log.txt"}


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
    _finished: dict[str, dict] = field(default_factory=dict)
    _outputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def look(cls, folder: Path, out: Path) -> Progressed:
        """See what there is, and remove what a later step had begun: it may be a product that is made no more."""
        folders = {STORE, "maps"}
        strange = (each.name for each in folder.iterdir() if each.is_dir() != (each.name in folders))
        _remove(folder, {*strange, *(each.name for each in folder.iterdir() if each.name not in _KEPT)})
        earlier = read_json(out / MANIFEST)
        return cls(
            folder,
            out,
            _steps=steps_in(read_json(folder / STEPS)),
            _finished=steps_in(earlier.get("steps")),
            _outputs=outputs_in(earlier.get("outputs")),
        )

    def model(self, parts: Parts, files: Sequence[str]) -> bool:
        """Whether the files of the model lie in the folder, whole and of these parts; they may come from `out`."""
        if self._take("model", parts, files):
            self.kept.append("the model")
            log.info("  kept: the model")
            return True
        _remove(self.folder, files)
        return False

    def forget_model(self, files: Sequence[str]) -> None:
        """To be called before its files are written anew: they may be those of a finished run under other names."""
        _remove(self.folder, files)

    def note_model(self, parts: Parts, digests: dict[str, str]) -> None:
        """The model lies in the folder."""
        self._note("model", {"parts": parts, "files": digests})

    def tile_size(self, parts: Parts) -> int | None:
        """Of a store of these parts, if there is one. [pixels]"""
        steps = (self._steps.get("maps"), self._finished.get("maps"))
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
        store, journal, fresh = (self.folder / name for name in (STORE, TILES, _FRESH))
        _remove(self.folder, (_FRESH,))
        create(fresh)
        frame = frame_digest(fresh, layers)
        place = self._place("maps", parts, (STORE, TILES)) if self.tile_size(parts) == size else None
        if place == self.folder and frame_digest(store, layers) == frame:
            _remove(self.folder, (_FRESH,))
        else:
            # Of an earlier store the chunks alone: what its frame says may be words of that time, or a stranger's.
            _link_chunks(place, fresh, layers)
            if place != self.folder:
                _remove(self.folder, (TILES,))
            if place == self.out:
                link(self.out / TILES, journal)
            _remove(self.folder, (STORE,))
            fresh.rename(store)
        self._note("maps", {"parts": parts, "frame": frame, "layers": list(layers), "tile_size": size})
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
        """All is done: tell the steps for the manifest.

        Parameters
        ----------
        products : dict, optional
            Parts of the last step, if there is one.
        """
        if products is not None:
            self._tell_products(products)
            self._steps["products"] = {"parts": products}
        return self._steps

    def outdated(self) -> list[str]:
        """Names that the finished run beside it made; a run that makes no such file again lets them go."""
        return sorted({name.split("/")[0] for name in self._outputs} - {VALIDATION})

    def clear(self) -> None:
        """Begin anew."""
        _remove(self.folder, [path.name for path in self.folder.iterdir()])

    def _tell_products(self, products: Parts) -> None:
        """Why they are made again, where it is for something that nothing else depends on."""
        others = self._parts("rasters") or {}
        before, now = (
            {name: text for name, text in (parts or {}).items() if name not in others}
            for parts in (self._parts_of_finished("products"), products)
        )
        if before and (why := differences(before, now)):
            log.info("  again: tables, pictures and pages, because %s", why)

    def _link_rasters(self) -> None:
        journal = RasterJournal.open(self.folder / _RASTERS, self.folder / "maps")
        for name, digest in self._outputs.items():
            source = self.out / name
            is_map = name.startswith("maps/") and name.count("/") == 1
            if is_map and source.is_file() and sha256_of_file(source) == digest:
                link(source, self.folder / name)
                journal.add(self.folder / name, digest)

    def _take(self, step: str, parts: Parts, files: Sequence[str]) -> bool:
        """Whether the files of a step of these parts are in the folder, or can be linked into it."""
        place = self._place(step, parts, files)
        if place is None:
            return False
        if place == self.out:
            # A kill between linking and noting may have left the same files: one cannot be linked over itself.
            _remove(self.folder, files)
            for name in files:
                link(place / name, self.folder / name)
            self._note(step, self._finished[step])
        return True

    def _place(self, step: str, parts: Parts, files: Sequence[str]) -> Path | None:
        """The folder or the finished run, whichever has a step of these parts; why neither has it is told."""
        why = ""
        for place, record in ((self.folder, self._steps), (self.out, self._finished)):
            known = record.get(step)
            if known is None:
                continue
            if known["parts"] != parts:
                why = why or differences(known["parts"], parts)
            elif not _is_there(place, known, files):
                why = "files of it are missing or damaged"
            else:
                return place
        if why:
            log.info("  again: the %s, because %s", step, why)
        return None

    def _parts(self, step: str) -> Parts | None:
        return self._steps.get(step, {}).get("parts")

    def _parts_of_finished(self, step: str) -> Parts | None:
        return self._finished.get(step, {}).get("parts")

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
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
            try:
                name, digest = json.loads(line)
            except (ValueError, TypeError):  # the last line of a run that was killed
                continue
            if is_own_name(name):
                listed[name] = digest
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
    outputs = outputs_in(manifest["outputs"])
    if outputs != manifest["outputs"]:
        return [MANIFEST]
    wrong = [
        name
        for name, digest in outputs.items()
        if not (out / name).is_file() or sha256_of_file(out / name) != digest
    ]
    maps = manifest["steps"]["maps"]
    if (
        not (out / STORE / ".zmetadata").is_file()
        or frame_digest(out / STORE, maps["layers"]) != maps["frame"]
    ):
        return [*wrong, STORE]
    lost = TileJournal.damaged(out / TILES, out / STORE, maps["layers"])
    return [*wrong, *([f"{_counted(lost, 'tile')} of {STORE}"] if lost else [])]


def _is_there(place: Path, record: dict, files: Sequence[str]) -> bool:
    """Whether the files are there, and are those of the record if it names any: tiles are looked at one by one."""
    if "files" not in record:
        return all((place / name).is_dir() == (name == STORE) and (place / name).exists() for name in files)
    digests = record["files"]
    return all(
        (place / name).is_file() and sha256_of_file(place / name) == digests.get(name) for name in files
    )


def _link_chunks(place: Path | None, store: Path, layers: Sequence[str]) -> None:
    for layer in layers if place is not None else ():
        chunks = (place / STORE / layer).glob("[!.]*")
        for chunk in (each for each in chunks if each.is_file() and each.suffix != ".partial"):
            link(chunk, store / layer / chunk.name)


def link(source: Path, target: Path) -> None:
    """The same file under another name: no byte is copied where the file system can do without."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
