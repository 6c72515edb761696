"""What each step of a run depends on, by name: when one of these things changed, the step is done again, and says so.

A step is known by its *parts*, a flat dict of texts. Two runs of equal parts make the same files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from poml_map._version import __version__
from poml_map.config import Region
from poml_map.cube import wanted_years
from poml_map.files import sha256_of_file
from poml_map.mapping import MapChange, MapIntervals
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.manifest import VALIDATION, code_digest, versions
from poml_map.pipeline.plain import plain_text
from poml_map.pipeline.trained import FOREST_FILES, Trained

Parts = dict[str, str]

# Settings that no number of the model depends on: words and looks of products, what is mapped, thresholds of
# `validate`. Paths are none: what the files hold counts.
_NOT_OF_THE_MODEL = (
    "name", "title", "synthetic", "units", "profile", "catalog", "data_roots", "sources", "samples.file",
    "rothc.map_outputs", "rothc.first_map", "intervals.change_control", "validation.repeats", "validation.block_km",
)  # fmt: skip
# Settings that maps of the store depend on beside the model; RothC runs on each pixel.
_OF_THE_MAPS = ("years", "spinup_years", "sampling_month", "covariates", "area", "grid", "fill", "rothc")
_NOT_IN_GEOTIFFS = ("profile", "validation.repeats", "validation.block_km")
# Words of a catalog entry about itself. Its uri is none: which file is whose is told by nothing else.
_WORDS_OF_ENTRIES = ("source", "licence", "license", "doi", "url", "citation", "long_name", "title")
_PACKAGES_OF_PICTURES = ("matplotlib", "pillow")
_NOT_OF_CODE = ("platform",)
#: Part of the maps that `law_digest` makes.
LAW = "model: parameters and limits"

# How many differences are named.
_MOST_NAMED = 3


def model_parts(region: Region, inputs: dict[str, str]) -> Parts:
    """Of samples, calibration, cross-validation and forests.

    Parameters
    ----------
    region : Region
    inputs : dict of str -> str
        SHA-256 of every input file, see `input_files`.
    """
    first = region.settings.rothc.first_map
    settings = _settings(region, lambda key: not _is_of(key, _NOT_OF_THE_MODEL))
    return {**_code(), **settings, **_entries(region, leave_out=first), **_contents(region, inputs, first)}


def law_digest(trained: Trained, limits: tuple[MapIntervals | None, MapChange | None]) -> str:
    """Of what maps take from a model beside its forests: mu_max, K_m and how wide intervals are."""
    parameters = trained.parameters
    return _digest(plain_text([parameters.mu_max, parameters.k_m, parameters.groups, *limits]))


def map_parts(region: Region, inputs: dict[str, str], asked: Asked, files: dict[str, str], law: str) -> Parts:
    """Of the store with the maps of all years.

    Parameters
    ----------
    region : Region
    inputs : dict of str -> str
    asked : Asked
    files : dict of str -> str
        SHA-256 of the files of the model.
    law : str
        From `law_digest`.
    """
    settings = _settings(region, lambda key: _is_of(key, _OF_THE_MAPS))
    model = {f"model: {name}": files[name] for name in FOREST_FILES.values()} | {LAW: law}
    sources = {**_entries(region), **_contents(region, inputs)}
    return {**_code(), **settings, **model, "--engine": asked.engine, **sources}


def raster_parts(
    region: Region, inputs: dict[str, str], asked: Asked, files: dict[str, str], maps: Parts
) -> Parts:
    """Of the GeoTIFFs, which say much of the run in their tags.

    Parameters
    ----------
    region : Region
    inputs : dict of str -> str
    asked : Asked
    files : dict of str -> str
        SHA-256 of the files of the model.
    maps : dict
        Parts of the maps.
    """
    settings = _settings(region, lambda key: key not in _NOT_IN_GEOTIFFS)
    entries = {
        f"source {name}: {key}": text
        for name, source in region.sources.items()
        for key, text in _flat(source.entry.model_dump()).items()
    }
    every = {f"input {name}": digest for name, digest in inputs.items()}
    years = {"--years": f"{asked.wanted[0]}-{asked.wanted[-1]}"}
    model = {f"model: {name}": digest for name, digest in files.items()}
    return {**_code(), **settings, **entries, **years, **every, **model, "maps": _digest(json.dumps(maps))}


def product_parts(region: Region, rasters: Parts, out: Path) -> Parts:
    """Of tables, pictures and pages.

    Parameters
    ----------
    region : Region
    rasters : dict
        Parts of the GeoTIFFs.
    out : Path
        Run folder: a validation in it stands on the page.
    """
    settings = _settings(region, lambda key: True)
    validation = {"validation": _folder_digest(out / VALIDATION)}
    return {**rasters, **settings, **_code(*_PACKAGES_OF_PICTURES), **validation}


def differences(earlier: Parts | None, now: Parts) -> str:
    """What changed, in words; empty where nothing did.

    Examples
    --------
    >>> differences({"setting hybrid.w_p": "0.5"}, {"setting hybrid.w_p": "0.7"})
    'setting hybrid.w_p was 0.5 and is 0.7'
    >>> differences({"input a.tif": "12" * 32}, {"input a.tif": "34" * 32})
    'input a.tif has other content'
    """
    if earlier is None:
        return ""
    changed = [name for name in {**earlier, **now} if earlier.get(name) != now.get(name)]
    named = [_difference(name, earlier.get(name), now.get(name)) for name in changed[:_MOST_NAMED]]
    more = [f"{len(changed) - _MOST_NAMED} more changes"] if len(changed) > _MOST_NAMED else []
    return "; ".join([*named, *more])


def _difference(name: str, before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return f"{name} is {'new' if before is None else 'gone'}"
    if max(len(before), len(after)) > 60:  # digests, long lists
        return f"{name} has other content"
    return f"{name} was {before} and is {after}"


def _settings(region: Region, wanted: Callable[[str], bool]) -> Parts:
    flat = _flat(region.settings.model_dump())
    return {f"setting {key}": text for key, text in flat.items() if wanted(key)}


def _is_of(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _flat(value: dict, before: str = "") -> dict[str, str]:
    """Nested settings as dotted keys with JSON texts."""
    found: dict[str, str] = {}
    for key, each in value.items():
        name = f"{before}{key}"
        if isinstance(each, dict) and each:
            found |= _flat(each, f"{name}.")
        else:
            found[name] = json.dumps(each, ensure_ascii=False, default=str)
    return found


def _entries(region: Region, leave_out: str = "") -> Parts:
    """What the catalog says of the sources, but for what is mere words."""
    return {
        f"source {name}: {key}": text
        for name, source in region.sources.items()
        if name != leave_out
        for key, text in _flat(source.entry.model_dump()).items()
        if key not in _WORDS_OF_ENTRIES
    }


def _contents(region: Region, inputs: dict[str, str], leave_out: str = "") -> Parts:
    """Digests of what is read but for region file and catalogs, of which the settings count, not the text."""
    settings = region.settings
    catalogs = [settings.catalog] if isinstance(settings.catalog, str) else settings.catalog
    texts = {Path(region.file).name, *catalogs}
    unread = set()
    if leave_out in region.sources:
        source = region.sources[leave_out]
        # Another source may read other variables or bands of the same file.
        read = {
            other.shown(*key)
            for name, other in region.sources.items()
            if name != leave_out and other.entry.driver != "constant"
            for key in other.files(wanted_years(other, region))
        }
        unread = {source.shown(*key) for key in source.files(region.years)} - read
    return {f"input {name}": digest for name, digest in inputs.items() if name not in texts | unread}


@lru_cache
def _code(*more: str) -> Parts:
    """The program and the libraries that can move a number."""
    found = {name: text for name, text in versions(*more).items() if name not in _NOT_OF_CODE}
    return {**found, "poml_map": f"{__version__} ({code_digest()})"}


def _folder_digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _digest(
        "\n".join(f"{path.relative_to(folder).as_posix()} {sha256_of_file(path)}" for path in files)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
