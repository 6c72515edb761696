"""One local file of an entry, made in the cache from what its server has: a cut, a mosaic, or the whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from poml_map.fetch.address import file_name, shown_address
from poml_map.fetch.answers import Stamp
from poml_map.fetch.archives import check_members, first_header, unpacked
from poml_map.fetch.cache import Cache, Kept
from poml_map.fetch.client import Client
from poml_map.fetch.content import check_head
from poml_map.fetch.failures import AbsentError, ChangedError, DamagedError, RefusedError
from poml_map.fetch.hdf import HdfFile
from poml_map.fetch.job import Job
from poml_map.fetch.members import Archives
from poml_map.fetch.mosaic import Piece, box_of, cells_in, member_bounds, piece_at, placed, write_mosaic
from poml_map.fetch.netcdf import plan_cut, write_cut
from poml_map.fetch.patience import MOST_DAMAGED, MOST_VERSIONS
from poml_map.fetch.place import Window
from poml_map.fetch.remote import LocalFile, NoRangesError, RemoteFile
from poml_map.fetch.tiff import Header, TiffFile
from poml_map.fetch.tiles import LONLAT, Named, around_globe, tiles_under
from poml_map.fetch.vrt import read_list
from poml_map.fetch.whole import bring_whole, is_current
from poml_map.grid import Tile
from poml_map.notdata import HEAD

log = logging.getLogger(__name__)

# What rasterio and netCDF4 raise on a full disk. On closing a dataset rasterio lets GDAL's own error through: it is
# no RasterioError and has no public name (1.4). Every Exception instead would call our own faults a full disk.
_WRITING = (RasterioError, CPLE_BaseError, RuntimeError)
# A share of the area so small is rounding where edges touch.
_NOTHING = 1e-9


class Bringer:
    """Makes files in the cache.

    Parameters
    ----------
    client : Client
    cache : Cache
    refresh : bool
        Ask servers whether what the cache has is still theirs.
    """

    def __init__(self, client: Client, cache: Cache, refresh: bool = False):
        self.client, self.cache, self.refresh = client, cache, refresh
        self._zips, self._looked = Archives(client, cache, refresh), {}

    def make(self, job: Job) -> tuple[Kept, bool]:
        """The file in the cache, and whether it was there already.

        Raises
        ------
        FetchError, InputError, ResourceError
        """
        if job.source.entry.driver == "zarr":
            mend = "Bring it by hand, or by the tools of the store."
            raise RefusedError(
                "a Zarr store, which is a folder of many files", "one file", mend, job.address("{tile}")
            )
        kept = self.cache.find(job.key)
        stated = job.sha256(job.address("{tile}")) if job.whole else ""
        as_stated = kept is not None and (not stated or kept.sha256 == stated.lower())
        if as_stated and (not self.refresh or is_current(self._look, kept)):
            return kept, True
        if job.whole:
            return self._whole(job.address(), job.kind, job), False
        tries = {ChangedError: MOST_VERSIONS, DamagedError: MOST_DAMAGED}
        while True:
            try:
                return self._cut(job), False
            except (ChangedError, DamagedError) as error:
                tries[type(error)] -= 1
                if not tries[type(error)]:
                    raise
                log.info("%s: %s; once more", shown_address(job.address("{tile}")), error.found)

    def _look(self, address: str) -> Stamp:
        """What a server says of a file, asked once: hundreds of files may come out of one archive."""
        if address not in self._looked:
            self._looked[address] = self.client.look(address)
        return self._looked[address]

    def _whole(self, address: str, kind: str, job: Job) -> Kept:
        return bring_whole(self.client, self.cache, address, kind, job.sha256(address), self.refresh)

    def _cut(self, job: Job) -> Kept:
        layout = {
            "file": self._file, "vrt": self._list, "tiles": self._tiles, "archives": self._archives,
            "members": self._member,
        }  # fmt: skip
        with self.cache.work_file(job.path.suffix or ".tif") as work:
            try:
                with self.cache.room(f"work/{work.name}"):
                    made = layout[job.source.entry.fetch.layout](job, work)
            except _WRITING as error:  # what is read has errors of its own
                raise self.cache.cannot_write(work, error) from error
            with self.cache.room(f"work/{work.name}"):
                if not isinstance(made, Kept):
                    return self.cache.put(job.key, work, *made)
                self.cache.note(job.key, made)
        return made

    @contextmanager
    def opened(self, job: Job, address: str, kind: str) -> Iterator[RemoteFile | LocalFile]:
        """A file of a server, in parts; as a whole where the server knows no parts, or a checksum is to be met."""
        if job.sha256(address):
            yield self._local(job, address, kind)
            return
        try:
            file = RemoteFile(self.client, address, self.cache.folder / "work")
        except NoRangesError:
            log.info("%s: the server gives whole files only", shown_address(address))
            yield self._local(job, address, kind)
            return
        with closing(file):
            check_head(file.read_at(0, HEAD) or b"", kind, address)
            yield file

    def _local(self, job: Job, address: str, kind: str) -> LocalFile:
        kept = self._whole(address, kind, job)
        return LocalFile(kept.path, kept.stamps[address], address)

    def _file(self, job: Job, work: Path):
        address, kind = job.address(), job.kind
        with self.opened(job, address, kind) as file:
            if kind == "raster":
                return self._one_raster(job, work, file, file_name(address))
            if (file.read_at(0, 3) or b"") == b"CDF":  # the classic format has no chunks to choose from
                log.info("%s: a classic NetCDF, brought as a whole", shown_address(address))
                return self._whole(address, kind, job)
            data = HdfFile(file)
            write_cut(work, data, plan_cut(job.source, data, job.file[0], job.place))
            return {address: file.stamp}, ()

    def _one_raster(self, job: Job, work: Path, file: RemoteFile | LocalFile, name: str):
        tiff = TiffFile(file)
        header = tiff.header
        piece = Piece(tiff, name, 0, 0, Tile(0, header.height, 0, header.width))
        return self._mosaic(job, work, header, file.address, [piece], {file.address: file.stamp})

    def _member(self, job: Job, work: Path):
        with self._zips.member(job) as file:
            check_head(file.read_at(0, HEAD), "raster", file.address)
            return self._one_raster(job, work, file, job.member)

    def window(self, job: Job, whole: Header, address: str) -> Window:
        """The part of a raster that is under the region."""
        crs = job.source.entry.crs or whole.crs
        if not crs:
            mend = 'Add `crs: "EPSG:..."` to the entry: it is never guessed.'
            raise RefusedError("a raster without a CRS", "a CRS in the file or the entry", mend, address)
        window = job.place.window(job.source, crs, whole.transform, whole.width, whole.height)
        if window is None:
            raise RefusedError("a raster beside the region", "one that covers it", "Check `area:`.", address)
        return window

    def _mosaic(self, job: Job, work: Path, whole: Header, address: str, pieces: list[Piece], stamps: dict):
        window = self.window(job, whole, address)
        declared = job.source.entry.nodata  # one number, or a list of codes
        fill = (declared[0] if declared else None) if isinstance(declared, list) else declared
        gaps = write_mosaic(work, whole, window, pieces, fill)
        return stamps, (self._gaps_text(job, whole, window, gaps),) if gaps else ()

    def _gaps_text(self, job: Job, whole: Header, window: Window, gaps: list[Tile]) -> str:
        """How much has no tile: of the window, which has a margin, and of what is mapped."""
        boxes = [box_of(whole, window, part) for part in gaps]
        share = job.place.share(job.source.entry.crs or whole.crs, boxes)
        counted = f"{cells_in(gaps)} of {cells_in([window.tile])} cells without a tile are nodata"
        if share < _NOTHING:
            return f"{counted}, none of them in the area"
        percent = f"{100 * share:.3g} %" if share >= 0.001 else "less than 0.1 %"
        return f"WARNING: {percent} of the area has no tile, where nothing can be mapped ({counted})"

    def _list(self, job: Job, work: Path):
        address = job.address()
        kept = self._whole(address, "vrt", job)
        whole, members = read_list(kept.path.read_bytes(), address)
        window = self.window(job, whole, address)
        wanted = [each for each in members if window.parts(each.row, each.col, *each.used.shape)]
        stamps, missing, pieces = {address: kept.stamps[address]}, [], []
        with ExitStack() as stack:
            for member in wanted:
                tiff = self._open_tile(stack, job, member.address, stamps)
                if tiff is None:
                    missing.append((member.name, member_bounds(whole, member), whole.crs))
                else:
                    pieces.append(placed(tiff, member, whole))
            self._refuse_gaps(job, missing, address)
            pieces.reverse()  # in a list the last one lies on top
            return self._mosaic(job, work, whole, address, pieces, stamps)

    def _open_tile(self, stack: ExitStack, job: Job, address: str, stamps: dict) -> TiffFile | None:
        """A tile of a server; None if it has none."""
        try:
            file = stack.enter_context(self.opened(job, address, "raster"))
        except AbsentError:
            stamps[address] = Stamp()
            return None
        stamps[address] = file.stamp
        return TiffFile(file)

    def _refuse_gaps(self, job: Job, missing: list[tuple], address: str) -> None:
        """Refuse tiles that the server does not have, where they lie in the area."""
        if job.source.entry.fetch.missing == "nodata":
            return
        felt = [(name, bounds, crs) for name, bounds, crs in missing if job.place.meets(crs, bounds)]
        if felt:
            named = "; ".join(f"{name} ({_box_text(bounds, crs)})" for name, bounds, crs in felt[:4])
            more = f" and {len(felt) - 4} more" if len(felt) > 4 else ""
            mend = "If nothing is there (sea), add `missing: nodata` to `fetch:` of the entry."
            raise AbsentError(
                f"no tile {named}{more} on the server, inside the area", "all tiles", mend, address
            )

    def _tiles(self, job: Job, work: Path):
        address = job.address("{tile}")
        opened: dict[str, TiffFile | None] = {}
        stamps: dict[str, Stamp] = {}
        with ExitStack() as stack:

            def tile(named: Named) -> TiffFile | None:
                if named.name not in opened:
                    opened[named.name] = self._open_tile(stack, job, job.address(named.name), stamps)
                return opened[named.name]

            whole, _, under = self._globe(job, address, lambda named: (tiff := tile(named)) and tiff.header)
            pieces = [piece_at(tile(named), named.name, whole) for named in under if tile(named)]
            missing = [(named.name, named.bounds, LONLAT) for named in under if not tile(named)]
            self._refuse_gaps(job, missing, address)
            return self._mosaic(job, work, whole, address, pieces, stamps)

    def _globe(self, job: Job, address: str, header_of) -> tuple[Header, Window, list[Named]]:
        """The raster that the tiles make, the window of it, and the tiles under that."""
        grid, box = job.source.entry.fetch.tiles, job.place.bounds(LONLAT)
        near = tiles_under(grid, box, 0.0)
        first = next((header for named in near if (header := header_of(named))), None)
        if first is None:
            names = ", ".join(named.name for named in near[:6])
            mend = "Check `fetch: url:` and `tiles:` of the entry, and `area:`."
            raise AbsentError(
                f"none of the tiles {names} on the server", "tiles of the region", mend, address
            )
        whole = around_globe(first, address)
        window = self.window(job, whole, address)
        a, _, c, _, e, f = whole.transform
        tile = window.tile
        west, east = c + a * tile.col0, c + a * tile.col1
        turn = 360 * round((box[0] - west) / 360)
        reach = (west + turn, f + e * tile.row1, east + turn, f + e * tile.row0)
        return whole, window, tiles_under(grid, reach, 0.0)

    def _archives(self, job: Job, work: Path):
        address = job.address("{tile}")
        kept: dict[str, Kept | None] = {}
        stamps: dict[str, Stamp] = {}
        with ExitStack() as stack:

            def archive(named: Named) -> Kept | None:
                if named.name not in kept:
                    place = job.address(named.name)
                    try:
                        kept[named.name] = self._whole(place, "archive", job)
                        check_members(kept[named.name].path, place)
                        stamps[place] = kept[named.name].stamps[place]
                    except AbsentError:
                        kept[named.name], stamps[place] = None, Stamp()
                return kept[named.name]

            def header_of(named: Named) -> Header | None:
                found = archive(named)
                if found is None:
                    return None
                return first_header(self.cache, found.path, job.address(named.name))

            whole, window, under = self._globe(job, address, header_of)
            pieces = []
            for named in under:
                found = archive(named)
                if found is not None:
                    place = job.address(named.name)
                    tiffs = stack.enter_context(
                        unpacked(self.cache, found.path, place, _under(whole, window))
                    )
                    pieces += [piece_at(tiff, name, whole) for name, tiff in tiffs]
            missing = [(named.name, named.bounds, LONLAT) for named in under if not archive(named)]
            self._refuse_gaps(job, missing, address)
            return self._mosaic(job, work, whole, address, pieces, stamps)


def _under(whole: Header, window: Window):
    def wanted(header: Header) -> bool:
        a, _, c, _, e, f = whole.transform
        row, col = round((header.transform[5] - f) / e), round((header.transform[2] - c) / a)
        return bool(window.parts(row, col, header.height, header.width))

    return wanted


def _box_text(bounds: tuple[float, float, float, float], crs: str) -> str:
    west, south, east, north = bounds
    unit = " degrees" if crs == LONLAT else ""
    return f"{west:.6g} to {east:.6g}{unit} E, {south:.6g} to {north:.6g}{unit} N"
