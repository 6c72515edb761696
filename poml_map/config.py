"""`region.yaml`: the one file that says what is mapped, from what, and how.

`load_region` reads it together with the catalogs it names and checks all that text alone can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poml_map import schema
from poml_map.catalog import CLASS_ROLES, Entry, Resampling, Source, Time, load_catalog
from poml_map.errors import InputError, Problems, nearest
from poml_map.region_checks import region_problems
from poml_map.settings import RegionSettings
from poml_map.yamlfile import Document, load_yaml
from poml_map.yamlmodel import validate

__all__ = ["Region", "RegionSettings", "Resampling", "load_region"]


@dataclass(frozen=True)
class Region:
    """A region file that passed its checks.

    Attributes
    ----------
    settings : RegionSettings
    file : str
        Path as the user wrote it.
    folder : Path
        Where it lies; its relative paths start here.
    sources : dict of str -> Source
        The catalog entries it uses.
    document : Document
        For messages with line numbers.
    catalog_files : tuple of Path
    """

    settings: RegionSettings
    file: str
    folder: Path
    sources: dict[str, Source]
    document: Document
    catalog_files: tuple[Path, ...]

    @property
    def years(self) -> range:
        """The mapped years."""
        first, last = self.settings.years
        return range(first, last + 1)

    @property
    def spinup_years(self) -> range:
        """The years whose mean months spin the model up."""
        first, last = self.settings.spinup_years
        return range(first, last + 1)

    @property
    def samples_path(self) -> Path:
        """The sample file."""
        return self.folder / self.settings.samples.file

    def with_role(self, *roles: str) -> list[Source]:
        """Sources of one of these roles."""
        return [source for source in self.sources.values() if source.entry.role in roles]

    def column_source(self, column: str) -> Source | None:
        """The source that fills a cube column, directly or as what it is made from."""
        driver = schema.ANNUAL_FROM_MONTHLY.get(column, (column,))[0]
        for source in self.sources.values():
            fills = source.entry.role not in CLASS_ROLES and source.entry.cube_column in (column, driver)
            if fills or column in source.entry.derive:
                return source
        return None

    def column_time(self, column: str) -> Time | None:
        """Whether the cube has a column once, for each year or for each month; None if no source makes it."""
        source, known = self.column_source(column), schema.COLUMNS.get(column)
        return source and (known.time if known else source.entry.steps_in_time)

    def column_unit(self, column: str) -> str:
        """Unit in the cube of a column that a source makes."""
        known = schema.COLUMNS.get(column)
        return known.unit if known else self.column_source(column).entry.cube_unit

    @property
    def stand_ins(self) -> list[str]:
        """Columns of sources that are declared stand-ins, and what is derived from them."""
        found: list[str] = []
        for entry in self._replacing:
            found += [entry.cube_column or entry.role, *entry.derive]
        return found

    @property
    def stand_in_names(self) -> list[str]:
        """What these columns are, for people; a source's own long name says how it was made, not what it is."""
        own = {entry.cube_column: entry.cube_long_name for entry in self._replacing}
        known = {name: column.long_name for name, column in schema.COLUMNS.items()}
        return [known.get(name) or own.get(name) or name for name in self.stand_ins]

    @property
    def _replacing(self) -> list[Entry]:
        entries = (source.entry for source in self.sources.values())
        return [entry for entry in entries if entry.stand_in]


def load_region(
    path: str | Path, overrides: dict[str, Any] | None = None, set_by: str = "overrides"
) -> Region:
    """Read `region.yaml` and its catalogs.

    Parameters
    ----------
    path : str or Path
    overrides : dict, optional
        Settings laid over those of the file before they are checked: mappings key by key, everything else as a
        whole. Relative paths in them start at the region file's folder, too.
    set_by : str
        Who gave the overrides; problems of these keys name it instead of a line.

    Returns
    -------
    Region

    Raises
    ------
    InputError
        With every problem that the text of these files shows.

    Examples
    --------
    >>> region = load_region("demo/region.yaml", {"hybrid": {"w_p": 0.3}})
    >>> region.years, region.settings.hybrid.w_p, region.settings.covariates[:3]
    (range(1980, 2001), 0.3, ['ELEV', 'SLP', 'SPI'])
    """
    path = Path(path)
    document = load_yaml(path, str(path))
    if overrides:
        document = document.with_overrides(overrides, set_by)
    folder = path.resolve().parent
    problems = Problems()
    try:
        settings = validate(RegionSettings, document)
    except InputError as error:
        problems.collect(error)
    # The catalogs are read even so: the user wants to hear of everything at once.
    sources, files = _load_catalogs(document.data, folder, problems)
    problems.raise_if_any()
    unknown = [name for name in settings.sources if name not in sources]
    for name in unknown:
        loc = ("sources", settings.sources.index(name))
        mend = nearest(name, sources) or f"The catalog has: {', '.join(sources) or 'none'}."
        problems.extend([document.problem(loc, repr(name), "the name of a catalog entry", mend)])
    problems.raise_if_any()  # what lacks a source would only repeat it
    used = {name: sources[name] for name in settings.sources}
    region = Region(settings, str(path), folder, used, document, files)
    problems.extend(region_problems(region))
    problems.raise_if_any()
    return region


def _load_catalogs(data: dict[str, Any], folder: Path, problems: Problems):
    """All entries of the catalogs that the unchecked region data names, and the catalogs' paths."""
    default = RegionSettings.model_fields["catalog"].default
    names, wanted = _texts(data.get("catalog", default)), _texts(data.get("sources"))
    roots = tuple(folder / each for each in [".", *_texts(data.get("data_roots"))])
    found: dict[str, Source] = {}
    for name in names:
        try:
            sources = load_catalog(folder / name, name, wanted, roots)
        except InputError as error:
            problems.collect(error)
            continue
        for twice in found.keys() & sources.keys():
            mend = "Rename one of them."
            problems.extend(
                [sources[twice].problem(f"an entry that {found[twice].file} has too", "one", mend)]
            )
        found |= sources
    return found, tuple(folder / name for name in names)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
