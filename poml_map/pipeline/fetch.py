"""`poml-map fetch`: the region's part of its published sources, into the files that the catalog names."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from poml_map.catalog import Source
from poml_map.config import Region, load_region
from poml_map.cube.area import open_area, region_grid
from poml_map.cube.timeplan import wanted_years
from poml_map.errors import InputError, Problem, nearest
from poml_map.fetch import (
    Cache,
    Client,
    FetchError,
    Job,
    Meter,
    Outcome,
    Patience,
    cache_folder,
    check_address,
    estimate,
    outcome_lines,
    raise_failures,
    run_jobs,
)
from poml_map.limits import size_text
from poml_map.pipeline.by_hand import by_hand
from poml_map.pipeline.fetch_place import RegionPlace

log = logging.getLogger("poml_map")


def fetch_region(
    region_file: str | Path,
    *,
    cache: Path | None = None,
    mirror: str | None = None,
    only: list[str] | None = None,
    refresh: bool = False,
    dry_run: bool = False,
    patience: Patience | None = None,
) -> list[str]:
    """Bring the part of its sources that a region needs.

    Parameters
    ----------
    region_file : str or Path
    cache : Path, optional
        Folder of all downloads; default ``POML_MAP_CACHE``, else the cache of this user.
    mirror : str, optional
        Every ``https://HOST/PATH`` is asked at ``MIRROR/HOST/PATH``.
    only : list of str, optional
        These catalog entries only.
    refresh : bool
        Ask servers whether what is here is still theirs.
    dry_run : bool
        Say what would be brought; write nothing.
    patience : Patience, optional
        How often and how long servers are asked again.

    Returns
    -------
    list of str
        What was done, for people.

    Raises
    ------
    InputError
        With all that region file, catalog and servers show to be wrong; the other files are brought.
    ResourceError
        If only network or machine failed.

    Examples
    --------
    >>> print(*fetch_region("my-region/region.yaml", dry_run=True), sep="\\n")  # doctest: +SKIP
    my-region/region.yaml: nothing is written; cache /home/me/.cache/poml-map
      copernicus_dem_90m: 1 file, 1 to come: 2.7 MiB on copernicus-dem-90m.s3.amazonaws.com, about 938 KiB of it
      together about 938 KiB to come
    """
    region = load_region(region_file)
    _check_mirror(mirror)
    sources = _wanted(region, only)
    folder, patience = cache_folder(cache), patience or Patience()
    if dry_run:
        return _dry_lines(region, sources, folder, mirror, patience)
    store = Cache(folder)
    even = all(source.entry.fetch.layout != "members" for source in sources)
    meter = Meter(sum(len(source.files(_years(source, region))) for source in sources), even=even)
    with Client(mirror, patience, meter.came) as client:

        def bring(jobs: list[Job]) -> list[Outcome]:
            return run_jobs(jobs, client, store, refresh, meter)

        outcomes = _in_order(region, sources, bring)
    lines = [f"{region.file}: from the servers {size_text(meter.bytes)}, cache {folder}"]
    lines += [*outcome_lines(outcomes), *by_hand(region)]
    if any(outcome.error for outcome in outcomes):
        for line in lines:
            log.info(line)
        raise_failures(outcomes, log.error)
    return lines


def _check_mirror(mirror: str | None) -> None:
    if mirror is None:
        return
    try:
        check_address(mirror)
    except FetchError as error:
        raise InputError(
            Problem("--mirror", "", error.found, error.expected, "Like http://127.0.0.1:8000.")
        ) from error


def _wanted(region: Region, only: list[str] | None) -> list[Source]:
    entries = region.sources.items()
    with_fetch = {
        name: each for name, each in entries if each.entry.fetch and each.entry.driver != "constant"
    }
    for name in only or []:
        if name not in with_fetch:
            known = ", ".join(with_fetch) or "none"
            mend = nearest(name, with_fetch) or f"Of `sources:` these have `fetch:`: {known}."
            raise InputError(Problem("--only", "", repr(name), "an entry of the region with `fetch:`", mend))
    return [source for name, source in with_fetch.items() if not only or name in only]


def _years(source: Source, region: Region) -> list[int]:
    return wanted_years(source, region)


def _jobs(region: Region, sources: Iterable[Source], place: RegionPlace | None) -> list[Job]:
    return [Job(source, file, place) for source in sources for file in source.files(_years(source, region))]


def _in_order(region: Region, sources: list[Source], bring) -> list[Outcome]:
    """What area and grid are made from first: without them no window is known."""
    area_name, like = region.settings.area.polygons, region.settings.grid.like
    first = [source for source in sources if source.name == area_name]
    second = [source for source in sources if source.name == like and source.name != area_name]
    outcomes = bring(_jobs(region, first, None))
    if any(outcome.error for outcome in outcomes):
        return outcomes
    area = open_area(region)
    outcomes += bring(_jobs(region, second, RegionPlace(area)))
    if any(outcome.error for outcome in outcomes):
        return outcomes
    place = RegionPlace(area, region_grid(region, area))
    rest = [source for source in sources if source not in first and source not in second]
    return outcomes + bring(_jobs(region, rest, place))


def _dry_lines(
    region: Region, sources: list[Source], folder: Path, mirror: str | None, patience: Patience
) -> list[str]:
    """What would be brought; of the network only headers are asked for."""
    lines, total = [f"{region.file}: nothing is written; cache {folder}"], 0
    with Client(mirror, patience) as client:

        def look(jobs: list[Job]) -> list[Outcome]:
            nonlocal total
            for name in dict.fromkeys(job.source.name for job in jobs):
                own = [job for job in jobs if job.source.name == name]
                told, size = estimate(own, client, folder)
                lines.extend(told)
                total += size
            return []

        try:
            _in_order(region, sources, look)
        except InputError as error:  # the area's polygons are not here yet
            lines.append(f"  the rest is known once the area is here: {error.problems[0]}")
    return [*lines, f"  together about {size_text(total)} to come", *by_hand(region)]
