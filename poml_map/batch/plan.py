"""Which regions a batch has: of files, of folders, of a template and what varies in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poml_map.batch.names import RESERVED, slug, zone_names
from poml_map.batch.settings import BatchSettings
from poml_map.config import load_region
from poml_map.cube.zones import values_of_column
from poml_map.errors import InputError, Problem, Problems
from poml_map.tables import listed
from poml_map.yamlfile import Document, load_yaml
from poml_map.yamlmodel import validate

EACH, SHARED = "each", "shared"
_ENDINGS = (".yaml", ".yml")
# Keys at the left margin that only a file of another kind has -> what it is.
_OTHER_KINDS = {"template": "a batch file", "start": "a site file"}
_NAMED = 8


@dataclass(frozen=True)
class Planned:
    """One region of a batch.

    Attributes
    ----------
    name : str
        Of the region and of its folder.
    file : str
        Region file or template, as the user wrote it.
    overrides : dict
        Laid over the file.
    set_by : str
        Who gave the overrides, for messages.
    problems : tuple of str
        Why it cannot be run, as far as the plan knows.
    """

    name: str
    file: str
    overrides: dict[str, Any] = field(default_factory=dict)
    set_by: str = ""
    problems: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where it was declared, for people."""
        return f"{self.file} ({self.set_by})" if self.set_by else self.file


@dataclass(frozen=True)
class Plan:
    """What a batch is to do.

    Attributes
    ----------
    regions : tuple of Planned
    model : str
        ``each``, ``shared``, or the folder of a trained model.
    template : str
        Region file that the regions vary; empty for a batch of files.
    title : str
        Of the template.
    notes : tuple of str
        What was left out, and what the user should know.
    """

    regions: tuple[Planned, ...]
    model: str = EACH
    template: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()


def make_plan(paths: Sequence[str | Path], by: str | None = None, model: str | None = None) -> Plan:
    """Which regions `paths` name.

    Parameters
    ----------
    paths : sequence of str or Path
        Region files, folders of region files, or one batch file; with `by`, one region file.
    by : str, optional
        A column of the polygons of the region file's area: one region for each of its values.
    model : str, optional
        ``each`` (default), ``shared``, or the folder of a trained model.

    Returns
    -------
    Plan
        A region file that cannot be read is a region with problems.

    Raises
    ------
    InputError
        If a path, template, batch file or option is wrong, nothing is found, or two regions share a name.
    """
    files = [Path(path) for path in paths]
    if model not in (None, EACH, SHARED) and not Path(model).is_dir():
        expected = f"{EACH}, {SHARED}, or the folder of a finished run"
        raise InputError(Problem("--model", "", f"no such folder: {model}", expected))
    if by is not None:
        plan = _zones(_only(files, "--by"), by, "--by", model or EACH)
    elif len(files) == 1 and _kind(files[0]) == "a batch file":
        plan = _of_batch_file(files[0], model)
    else:
        plan = _of_files(files, model or EACH)
    _refuse_bad_names(plan)
    return plan


def _only(files: list[Path], option: str) -> Path:
    if len(files) != 1 or files[0].is_dir():
        found = f"{len(files)} paths" if len(files) != 1 else f"the folder {files[0]}"
        raise InputError(Problem(option, "", found, "one region file, whose polygons are taken apart"))
    return files[0]


def _kind(path: Path) -> str:
    """What a YAML file is if it is no region file; empty for all else, be it unreadable."""
    if path.is_dir():
        return ""
    try:
        data = load_yaml(path, str(path)).data
    except InputError:
        return ""
    if isinstance(data.get("sources"), dict):
        return "a catalog"
    return next((kind for key, kind in _OTHER_KINDS.items() if key in data), "")


def _of_files(files: list[Path], model: str) -> Plan:
    problems, regions, notes = Problems(), {}, []
    for path in files:
        if not path.is_dir():
            kind = _kind(path)
            if not path.exists():
                problems.add(str(path), "", "no such file or folder", "a region file", "Check the path.")
            elif kind:
                mend = "Give a batch file alone." if "batch" in kind else "Leave it out."
                problems.add(str(path), "", kind, "a region file or a folder of region files", mend)
            regions[path.resolve()] = path
            continue
        inside = sorted(each for each in path.iterdir() if each.suffix.lower() in _ENDINGS and each.is_file())
        inside = [each for each in inside if not each.name.startswith(".")]
        kinds = {each: _kind(each) for each in inside}
        notes += [f"{each}: {kind}, not a region file: left out" for each, kind in kinds.items() if kind]
        regions |= {each.resolve(): each for each, kind in kinds.items() if not kind}
        if not any(not kind for kind in kinds.values()):
            problems.add(str(path), "", "no region file", "files such as region.yaml", "Check the path.")
    if model == SHARED:
        mend = "Train one region with `poml-map run`, and give its folder: --model FOLDER."
        problems.add("--model", "", SHARED, "--by, or a batch file with a template", mend)
    problems.raise_if_any()
    return Plan(tuple(_of_file(path) for path in regions.values()), model, notes=tuple(notes))


def _of_file(path: Path) -> Planned:
    try:
        name = load_yaml(path, str(path)).data.get("name")
    except InputError as error:
        return Planned(slug(path.stem) or "region", str(path), problems=_lines(error))
    # A name that is no good is refused with all else when the region is checked.
    usable = isinstance(name, str) and slug(name) == name.rstrip("-_") and 0 < len(name) <= 60
    return Planned(name if usable else slug(path.stem) or "region", str(path))


def _lines(error: InputError) -> tuple[str, ...]:
    return tuple(str(error).splitlines())


def _of_batch_file(path: Path, model: str | None) -> Plan:
    document = load_yaml(path, str(path))
    settings = validate(BatchSettings, document)
    template, shown = path.parent / settings.template, str(path.parent / settings.template)
    title = load_yaml(template, shown, f"Check `template:` of {path}.").data.get("title")
    model = model or _model_of(path, settings)
    regions = _rows(document, settings, shown)
    notes: tuple[str, ...] = ()
    if settings.by is not None:
        zones = _zones(template, settings.by, f"{path}, by", model)
        regions, notes = [*regions, *zones.regions], zones.notes
    if not regions:
        found = "neither regions nor by"
        raise InputError(document.problem(("regions",), found, "`regions:` or `by:`, or both"))
    return Plan(tuple(regions), model, shown, title if isinstance(title, str) else "", notes)


def _model_of(path: Path, settings: BatchSettings) -> str:
    return settings.model if settings.model in (EACH, SHARED) else str(path.parent / settings.model)


def _rows(document: Document, settings: BatchSettings, template: str) -> list[Planned]:
    """The regions of a batch file's list; what is wrong with all of them is wrong with the template."""
    problems, regions, faults = Problems(), [], []
    for index, row in enumerate(settings.regions):
        name = row.get("name")
        if not isinstance(name, str) or not name:
            found = "no name" if name is None else repr(name)
            mend = f"Write `- name: north`{' in quotes' if name is not None else ''}."
            problems.extend([document.problem(("regions", index), found, "a name for each region", mend)])
            continue
        set_by = f"{document.file}:{document.lines[('regions', index)]}, {name}"
        regions.append(Planned(name, template, dict(row), set_by))
        faults.append(_faults(regions[-1]))
    problems.raise_if_any()
    for fault in faults[0] if faults else []:
        if all(fault in each for each in faults):
            problems.extend([fault])
    problems.raise_if_any()
    return regions


def _faults(region: Planned) -> list[Problem]:
    try:
        load_region(region.file, region.overrides, region.set_by)
    except InputError as error:
        return error.problems
    return []


def _zones(path: Path, column: str, option: str, model: str) -> Plan:
    """One region for each value of a column of the area's polygons."""
    region = load_region(path)
    settings = region.settings
    if settings.area.polygons is None:
        found = "`area: bounds`"
        mend = "Write `area: {polygons: NAME}` with the name of a source with role zones."
        raise InputError(
            region.document.problem(("area",), found, f"polygons to take apart ({option})", mend)
        )
    zones, without = values_of_column(region, column, option)
    values = list(zones)
    template = settings.title or settings.name
    planned = []
    for value, name in zip(values, zone_names(settings.name, values), strict=True):
        overrides: dict[str, Any] = {
            "name": name,
            "title": f"{template}: {zones[value]}",
            "area": {"where": {column: [value]}},
        }
        if model == EACH:
            # Of the samples of the whole template most lie in other zones; the template itself keeps its limit.
            overrides["samples"] = {"max_dropped": 1.0}
        planned.append(Planned(name, str(path), overrides, f"{column} {value}"))
    notes = _unlike(planned, zones, column)
    if without:
        notes.append(
            f"{len(without)} polygons have no '{column}' and are in no region: {listed(without, _NAMED)}"
        )
    if model == EACH:
        notes.append(
            "every zone learns from the samples in its own rectangle; --model shared trains once on all of them"
        )
    return Plan(tuple(planned), model, str(path), template, tuple(notes))


def _unlike(planned: list[Planned], zones: dict[str, str], column: str) -> list[str]:
    """Which value a name stands for, where nothing of the value is left in it."""
    pairs = zip(planned, zones, strict=True)
    told = [f"{region.name} is {value!r}" for region, value in pairs if not slug(value)]
    return [f"names of folders cannot show '{column}' as written: {', '.join(told)}"] if told else []


def _refuse_bad_names(plan: Plan) -> None:
    problems, first = Problems(), {}
    for region in plan.regions:
        key = region.name.casefold()
        if key in RESERVED:
            expected = f"another name than {', '.join(RESERVED)}"
            problems.add(region.file, "name", region.name, expected, "Those are folders of the batch itself.")
        if key in first:
            found = f"'{region.name}', the name of {first[key].source} too"
            mend = "Each region has a folder of its own name: rename one of them."
            problems.add(region.source, "name", found, "each name once", mend)
        first.setdefault(key, region)
    problems.raise_if_any()
