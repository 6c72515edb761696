"""The text of region.yaml: every line says what it is, why it is so, and what else it could be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.init import entries
from poml_map.init.area import Polygons
from poml_map.init.depth import Depth
from poml_map.init.keys import Key, comment, lines_of, quoted, text_list
from poml_map.init.measured import Measured
from poml_map.init.notes import Notes
from poml_map.init.places import Places
from poml_map.init.sampled import When
from poml_map.init.samples import samples_lines
from poml_map.init.table import Table
from poml_map.init.target import Reach, box_around, grid_keys, year_keys
from poml_map.schema import PAPER_COVARIATES
from poml_map.settings import RegionSettings
from poml_map.yamlmodel import MISSING

_FOLDS = RegionSettings.model_fields["validation"].default.folds
_FEWEST_SITES = 30


@dataclass(frozen=True)
class Found:
    """What the files tell.

    Attributes
    ----------
    table : Table
    polygons : Polygons, optional
        Those that are mapped.
    places : Places
    which : ndarray of int, shape (n,), optional
        Polygon of each sample, -1 outside all.
    when : When
    site : Key
    sites : ndarray of int, shape (n,)
        Number of each row's site.
    measured : Measured
    depth : Depth
    asked : tuple of 2 int, optional
        Years as the user gave them.
    name, command : str
    """

    table: Table
    polygons: Polygons | None
    places: Places
    which: np.ndarray | None
    when: When
    site: Key
    sites: np.ndarray
    measured: Measured
    depth: Depth
    asked: tuple[int, int] | None
    name: str
    command: str

    @property
    def sources(self) -> list[str]:
        """Entries of published sources that the region uses."""
        cube = {each.value for each in self.measured.others}
        left = {
            name for name, column in zip(entries.DENSITY, ("BD", "CF"), strict=True) if column not in cube
        }
        return [name for name in entries.DEFAULTS if name not in left]

    @property
    def bounds(self):
        """West, south, east, north of the area; None if nothing tells where it is. [degree]"""
        if self.polygons is not None:
            return self.polygons.bounds
        return box_around(self.places.lon, self.places.lat) if self.places.crs else None

    @property
    def knows_visits(self) -> bool:
        """Whether places or ids, and years, are known well enough to say that no site was sampled again."""
        # Of a table without a year: one row a site, and no carbon column for each campaign.
        once = len(set(self.sites.tolist())) == len(self.sites)
        once &= all(key.value != MISSING for key in self.measured.columns)
        campaigns, known = len(self.when.campaigns), self.site.value != MISSING
        return campaigns == 1 or (known and (campaigns > 1 or once))

    @property
    def visited_twice(self) -> bool:
        """Whether some site was sampled in several years."""
        pairs = {(site, year) for site, year in zip(self.sites, self.when.years, strict=True) if year}
        return len(pairs) > len({site for site, _ in pairs})


def region_text(found: Found, samples: str, roots: list[str], notes: Notes) -> str:
    """The text of region.yaml.

    Parameters
    ----------
    found : Found
    samples : str
        Path of the sample file, as seen from the new folder.
    roots : list of str
        Folders outside the new one that files lie in.
    notes : Notes
        Filled; stands at the top of the file.
    """
    body = [
        *_section("What is mapped, from what"),
        *lines_of(_head(found, roots)),
        *_nested("area", _area(found, notes)),
        *_nested("grid", _grid(found, notes)),
    ]
    year_lines, years = _years(found, notes)
    body += [*lines_of(year_lines), *lines_of(_depth(found, notes))]
    sample_lines = samples_lines(found, samples, years, notes)
    body += [*_section("The samples"), "samples:", *sample_lines, ""]
    body += [*_section("The models"), *_models(found, years, notes)]
    head = [f"# Settings of one region, written by: {found.command}", "#"]
    head += [f"# {line}" for line in notes.lines()]
    head += ["#", "# Every key that is left out has a default: docs/own-data.md.", ""]
    return "\n".join(line.rstrip() for line in [*head, *body]) + "\n"


def _section(title: str) -> list[str]:
    return [f"# ---- {title} {'-' * (100 - len(title))}", ""]


def _nested(name: str, keys: list[Key]) -> list[str]:
    return [f"{name}:", *lines_of(keys, 2), ""]


def _head(found: Found, roots: list[str]) -> list[Key]:
    own = [found.polygons.entry_name] if found.polygons else []
    keys = [
        Key("name", quoted(found.name), "Letters, digits, - and _: stands in files and on pages."),
        Key("title", quoted(found.name), "For people, on maps and pages."),
        Key("catalog", "data_catalog.yaml", "Where each source lies, and in which unit."),
    ]
    if roots:
        why = (
            "Folders outside this one that sources and samples may lie in; nothing else of your disk is read. Not "
            "needed once your files lie beside this one."
        )
        keys.append(Key("data_roots", text_list(roots), why))
    why = "Entries of the catalog that are used. Your own layers come here, too, once the catalog has them."
    return [*keys, Key("sources", text_list([*found.sources, *own], plain=True), why)]


def _area(found: Found, notes: Notes) -> list[Key]:
    mask = Key(
        "mask", entries.MASK,
        "Only pixels of this class are mapped: cropland of 2021. Remove the line to map all land; the forest then "
        "predicts where no field was sampled.",
    )  # fmt: skip
    notes.assumes(
        "area.mask", "only cropland (ESA WorldCover 2021) is mapped. Remove the line to map all land."
    )
    polygons, bounds = found.polygons, found.bounds
    if polygons is not None:
        count, all_of = len(polygons.frame), polygons.count
        held = len({int(each) for each in found.which if each >= 0}) if found.which is not None else None
        part = f"all {all_of}" if count == all_of else f"{count} of the {all_of}"
        why = f"The area: {part} polygons of {polygons.shown}"
        why += f"; {held} of them hold samples." if held is not None and count == all_of else "."
        keys = [Key("polygons", polygons.entry_name, why)]
        if polygons.key is None:
            notes.lacks(
                "key of the polygons, in data_catalog.yaml", "no column has another text in every polygon."
            )
        elif count < all_of:
            why = (
                f"Only the {count} polygons that hold samples: they make less than half of the whole. Remove the lines "
                "to map all of them."
            )
            notes.assumes("area.where", why)
            keys.append(Key("where", f"{{{quoted(polygons.key)}: {text_list(polygons.keys)}}}", why))
        return [*keys, mask]
    if bounds is None:
        notes.lacks("area.bounds", "the positions of the samples are not known, and no polygons were given.")
        return [
            Key(
                "bounds",
                MISSING,
                "[xmin, ymin, xmax, ymax] in degrees; or `polygons:`, an entry of the catalog.",
            ),
            mask,
        ]
    notes.assumes("area.bounds", "a box around the samples. `init --area POLYGONS` takes polygons.")
    box = f"[{', '.join(f'{value:.2f}' for value in bounds)}]"
    why = (
        "[west, south, east, north] in degrees: a box around the samples with a margin. Or `polygons:`, an entry of "
        "the catalog."
    )
    return [Key("bounds", box, why), Key("crs", '"EPSG:4326"', "Of the bounds."), mask]


def _grid(found: Found, notes: Notes) -> list[Key]:
    if found.bounds is None:
        notes.lacks("grid.crs", "the place is not known.")
        return [
            Key("crs", MISSING, "A projected CRS in metres, in quotes: that of the UTM zone."),
            Key("resolution", "250", "Metres."),
        ]
    keys, size = grid_keys(found.bounds, notes)
    notes.assumes("grid", f"{size}.")
    return keys


def _years(found: Found, notes: Notes) -> tuple[list[Key], tuple[int, int] | None]:
    reach = Reach(entries.years_of(entries.CLIMATE), entries.years_of(entries.NDVI), entries.NDVI)
    return year_keys(found.when.campaigns, found.asked, reach, notes)


def _depth(found: Found, notes: Notes) -> list[Key]:
    covariates = [name for name in PAPER_COVARIATES if name != "FER"]
    key = _depth_key(found, notes)
    more = (
        "What the forest sees: terrain, climate and NDVI of the year, clay. FER (fertilizer) is left out, as there "
        "is no table of it; add the names of layers of your own."
    )
    return [
        key,
        Key("covariates", text_list(covariates, plain=True), more),
        Key(
            "sampling_month",
            "12",
            "A year's stock is that at the end of this month: the one in which samples were taken.",
        ),
        Key("units", "kg/m2", "Of all maps and tables; or t/ha."),
    ]


def _depth_key(found: Found, notes: Notes) -> Key:
    """``depth_cm``: told for all samples, not told, or told to differ, which nobody but the user can mend."""
    told = found.depth
    limits, column = (
        (found.measured.depth, "the carbon column") if found.measured.depth else (told.limits, told.column)
    )
    several = found.measured.depths or (told.several and f"{told.column}: {told.several}")
    if several and not found.measured.depth:
        why = f"{several}. All samples must be of one depth from 0 cm on, in every year: write it once they are."
        notes.lacks("depth_cm", why)
        return Key("depth_cm", MISSING, f"Depth of the topsoil in cm: {why}")
    if limits and limits[0] == 0:
        return Key("depth_cm", str(limits[1]), f"Depth of the topsoil in cm, as {column} says.")
    why = "not told by the table: 20 cm, as in the paper. A stock counts the carbon down to here."
    if limits:
        why = f"{column} says {limits[0]}-{limits[1]} cm, which does not begin at 0 cm: 20 cm is written for now."
    elif column:
        why = f"not understood from {column}: 20 cm, as in the paper. A stock counts the carbon down to here."
    notes.assumes("depth_cm", f"{why} Write the depth that was sampled.")
    return Key("depth_cm", "20", f"Depth of the topsoil in cm, {why}")


def _models(found: Found, years: tuple[int, int] | None, notes: Notes) -> list[str]:
    why = (
        "Carbon input is the same every year: there is no table of fertilizer. With one (role fertilizer in the "
        "catalog, values by year, or by county and year), write FER here and into `covariates:`; a raster of "
        "NPP does it, too."
    )
    notes.assumes(
        "rothc.input_driver",
        "carbon input is the same every year, as there is no table of fertilizer or NPP.",
    )
    keys = [Key("input_driver", "constant", why)]
    if not found.visited_twice and found.knows_visits:
        lack = (
            "no site was sampled in two years, so mu_max and K_m cannot be fitted. Write the change of the mean stock "
            "from the first to the last mapped year that you hold for likely, such as 0.10 for +10 % (literature, "
            "long-term trials); every product will say that it is assumed"
        )
        notes.lacks("rothc.expected_change", f"{lack}.")
        keys.append(
            Key(
                "expected_change",
                MISSING,
                f"{lack[0].upper()}{lack[1:]}. Or `mu_max` and `k_m`, if you know them.",
            )
        )
    sites = len(set(found.sites))
    folds = max(2, min(_FOLDS, sites))
    fold = "Cross-validation over sites."
    if sites < _FEWEST_SITES:
        notes.assumes(
            "validation", f"{sites} sites are few for a forest and its scores: expect wide intervals."
        )
    seed = Key("w_p", "0.5", "Weight of the rows that RothC simulates, 0 to 1: docs/weights.md.")
    level = (
        "Take the # away for limits of stocks and of their change; `poml-map check` says how long that takes."
    )
    return [
        *_nested("rothc", keys),
        *_nested("hybrid", [seed, Key("seed", "0", "Another number, another forest.")]),
        *_nested("validation", [Key("folds", str(folds), fold)]),
        *comment(level),
        "# intervals: {level: 0.9}",
    ]
