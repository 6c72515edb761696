"""`--dry-run`: what would come, and how large it is; servers are asked for headers only, nothing is written."""

from __future__ import annotations

import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from poml_map.errors import InputError
from poml_map.fetch.address import shown_address
from poml_map.fetch.answers import Stamp
from poml_map.fetch.client import ALL_HOSTS, Client
from poml_map.fetch.failures import AbsentError, FetchError
from poml_map.fetch.hdf import HdfFile
from poml_map.fetch.job import Job
from poml_map.fetch.netcdf import plan_cut, ranges_of
from poml_map.fetch.remote import BLOCK, NoRangesError, RemoteFile
from poml_map.fetch.run import counted, local_outcome
from poml_map.fetch.tiff import TiffFile
from poml_map.fetch.tiles import LONLAT, around_globe, tiles_under
from poml_map.fetch.whole import is_here, part_size
from poml_map.limits import size_text

# Layouts whose archives come as a whole, for all that is cut from them.
_PACKED = {
    "archives": "whole archives: the source offers no parts",
    "members": "whole archives, each once for all its files",
}


def estimate(jobs: list[Job], client: Client, cache: Path) -> tuple[list[str], float]:
    """What the files of one entry would take.

    Parameters
    ----------
    jobs : list of Job
        Of one entry.
    client : Client
    cache : Path
        Looked into, not made.

    Returns
    -------
    lines : list of str
    to_come : float
        [byte]
    """
    name, here = jobs[0].source.name, [outcome for job in jobs if (outcome := local_outcome(job, cache))]
    left = [job for job in jobs if job not in [outcome.job for outcome in here]]
    lines = [f"  {name}: {counted(len(jobs))}{_of(here)}"]
    cached = [job for job in left if (cache / "index" / f"{job.key}.json").is_file()]
    if cached:
        lines[0] += f", {len(cached)} in the cache"
        left = [job for job in left if job not in cached]
    if not left:
        return lines, 0.0
    addresses = list(dict.fromkeys(address for job in left for address in _addresses(job)))
    if left[0].source.entry.fetch.layout in _PACKED:
        packed = [address for address in addresses if is_here(cache, address)]
        addresses = [address for address in addresses if address not in packed]
        lines[0] += f", {counted(len(packed), 'archive')} in the cache" if packed else ""
        if not addresses:
            return lines, 0.0
    stamps, problems = _look(client, addresses)
    addresses = list(stamps) or addresses
    size = float(sum(stamp.size or 0 for stamp in stamps.values()))
    share, note = _share(left[0], client, addresses) if stamps and not problems else (1.0, "")
    begun = sum(part_size(cache, address) for address in addresses)
    to_come = max(size * share - begun, 0.0)
    lines[0] += (
        f", {len(left)} to come: {size_text(size)} on {_host(addresses)}, about {size_text(to_come)} of it"
    )
    lines += [f"    {problem}" for problem in [*problems[:5], *([note] if note else [])]]
    if len(problems) > 5:
        lines.append(f"    and {len(problems) - 5} more")
    return lines, to_come


def _of(here) -> str:
    counts = Counter(outcome.how for outcome in here)
    return "".join(f", {count} {how}" for how, count in counts.items())


def _host(addresses: list[str]) -> str:
    return shown_address(addresses[0]).split("/")[2]


def _addresses(job: Job) -> list[str]:
    fetch = job.source.entry.fetch
    if fetch.layout in ("tiles", "archives"):
        return [job.address(tile.name) for tile in tiles_under(fetch.tiles, job.place.bounds(LONLAT), 0.0)]
    return [job.address()]


def _look(client: Client, addresses: list[str]) -> tuple[dict[str, Stamp], list[str]]:
    def one(address: str):
        try:
            return client.look(address)
        except AbsentError:
            return f"not on the server: {shown_address(address)}"
        except FetchError as error:
            return f"{shown_address(address)}: {error}"

    with ThreadPoolExecutor(ALL_HOSTS) as pool:
        found = dict(zip(addresses, pool.map(one, addresses), strict=True))
    stamps = {address: each for address, each in found.items() if isinstance(each, Stamp)}
    return stamps, [each for each in found.values() if isinstance(each, str)]


def _share(job: Job, client: Client, addresses: list[str]) -> tuple[float, str]:
    """Which share of a file the window takes, by the header of the first."""
    fetch = job.source.entry.fetch
    if job.whole:
        return 1.0, ""
    if fetch.layout in _PACKED:
        return 1.0, _PACKED[fetch.layout]
    if fetch.layout == "vrt":
        return 1.0, "and the parts of the tiles that the list names"
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(RemoteFile(client, addresses[0], Path(folder))) as file,
        ):
            if fetch.layout == "tiles":
                return min(max(_cells(job, file) / len(addresses), BLOCK / file.size), 1.0), ""
            return min(max(_stored(job, file), BLOCK) / file.size, 1.0), ""
    except NoRangesError:
        return 1.0, "whole files: the server gives no parts"
    except (FetchError, InputError) as error:
        return 1.0, str(error)


def _cells(job: Job, file: RemoteFile) -> float:
    """Cells under the window in tiles: terrain takes more of them than the region's own box."""
    tile = TiffFile(file).header
    whole = around_globe(tile, file.address)
    window = job.place.window(
        job.source, job.source.entry.crs or whole.crs, whole.transform, whole.width, whole.height
    )
    height, width = window.tile.shape if window else (0, 0)
    return height * width / (tile.height * tile.width)


def _stored(job: Job, file: RemoteFile) -> int:
    """Bytes of the blocks under the window."""
    if job.source.entry.driver == "netcdf":
        data = HdfFile(file)
        return sum(
            length for _, length in ranges_of(data, plan_cut(job.source, data, job.file[0], job.place))
        )
    tiff = TiffFile(file)
    header = tiff.header
    crs = job.source.entry.crs or header.crs
    window = job.place.window(job.source, crs, header.transform, header.width, header.height)
    if window is None:
        return 0
    parts = window.parts(0, 0, header.height, header.width)
    return sum(length for part, _, _ in parts for _, length in tiff.ranges(part))
