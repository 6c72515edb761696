"""What a run learns before it maps: samples, parameters of RothC, forests, and how good they are; as one folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyproj
import xarray as xr

from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.errors import InputError, Problem, Problems
from poml_map.files import sha256_of_file
from poml_map.hybrid import load_forest
from poml_map.hybrid.intervals import CampaignConformal, Conformal, HeldOutChange, TreeSpread
from poml_map.mapping import MapIntervals
from poml_map.pause import pause
from poml_map.pipeline.checks import read_sites
from poml_map.pipeline.effects import effects_of_choices
from poml_map.pipeline.heard import Heard
from poml_map.pipeline.intervals import Changes, Intervals
from poml_map.pipeline.learning import Learned, learn
from poml_map.pipeline.parameters import Parameters, find_parameters
from poml_map.pipeline.places import Places, find_places
from poml_map.pipeline.plain import load_plain, save_plain
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.progress import Progress, Stopwatch
from poml_map.pipeline.site_draws import DrawSettings
from poml_map.pipeline.site_facts import SiteFacts, site_facts
from poml_map.pipeline.site_model import build_site_model
from poml_map.rothc.columns import ByClass
from poml_map.rothc.profile import RidgePoint, RidgeProfile
from poml_map.sites import Samples

#: Files of a trained model in a run folder: the forests, and all else.
FOREST_FILES = {"poml": "forest_poml.npz", "ml": "forest_ml.npz"}
MODEL_FILE = "model.npz"
MODEL_FILES = (MODEL_FILE, *FOREST_FILES.values())

_EXPECTED = "the folder of a finished run, or of `poml-map train`"


@dataclass(frozen=True)
class Trained:
    """All that maps, tables and pages take from the samples.

    Attributes
    ----------
    region : str
        Name of the region it was learned in.
    years : range
        Of that region.
    crs : str
        Of the positions of the samples.
    units : dict of str -> str
        Of the covariates, in the order of the forests' columns.
    settings : dict of str -> value
        Of that region, as far as stocks and RothC take their meaning from them.
    samples : Samples
    places : Places
    parameters : Parameters
        Without `fit`, which only training needs.
    facts : SiteFacts
    effects : list of (str, float)
        See `effects_of_choices`.
    simulated : pandas.DataFrame
        Stocks of RothC, year by site. [kg/m2]
    learned : Learned
    warnings : list of str
        That reading the samples and training gave.
    """

    region: str
    years: range
    crs: str
    units: dict[str, str]
    settings: dict
    samples: Samples
    places: Places
    parameters: Parameters
    facts: SiteFacts
    effects: list
    simulated: pd.DataFrame
    learned: Learned
    warnings: list[str]


# What may be in the file.
_CLASSES = (
    Trained, Samples, Places, Parameters, ByClass, RidgeProfile, RidgePoint, SiteFacts, Learned, Intervals,
    MapIntervals, CampaignConformal, Conformal, TreeSpread, Changes, HeldOutChange, DrawSettings,
)  # fmt: skip


def train(region: Region, cube: Cube, samples: Samples, watch: Stopwatch, heard: Heard) -> Trained:
    """Read the cube at the sites, run RothC there, find mu_max and K_m, and grow the forests.

    Parameters
    ----------
    region : Region
    cube : Cube
    samples : Samples
        From `read_samples`.
    watch : Stopwatch
        Times and names the stages.
    heard : Heard
        What was said since the checks began.

    Raises
    ------
    InputError
        If samples or sources do not allow it.
    """
    with watch.stage("reading the samples and the cube at the sites"):
        samples, points = read_sites(region, cube, samples)
    return train_at(region, cube.grid.crs, samples, points, watch, heard)


def train_at(
    region: Region, crs: str, samples: Samples, points: xr.Dataset, watch: Stopwatch, heard: Heard
) -> Trained:
    """As `train`, with stocks and the cube at the sites at hand.

    Parameters
    ----------
    region : Region
    crs : str
        Of the positions of the samples.
    samples : Samples
        With stocks, in order.
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.
    watch : Stopwatch
    heard : Heard
    """
    with watch.stage("RothC at the sites"):
        model = build_site_model(region, samples, points, process_options(region))
        parameters = find_parameters(region, model)
        facts = site_facts(region, points, model, parameters)
        effects = effects_of_choices(region, samples, points, parameters)
    with watch.stage("cross-validation and forests"):
        places = find_places(samples, crs)
        learned = learn(region, samples, points, model, parameters, Progress("forests"), places)
    stocks = model.simulate(*parameters.at(model))
    years, sites = pd.Index(list(model.years), name="year"), pd.Index(samples.sites["site"], name="site")
    return Trained(
        region=region.settings.name,
        years=region.years,
        crs=crs,
        units={name: points[name].attrs["units"] for name in region.settings.covariates},
        settings=meaning(region),
        samples=samples,
        places=places,
        parameters=replace(parameters, fit=None),
        facts=facts,
        effects=effects,
        simulated=pd.DataFrame(stocks, index=years, columns=sites),
        learned=learned,
        warnings=heard.warnings("sites", "cube", "hybrid"),
    )


def meaning(region: Region) -> dict:
    """Settings that a model must share with a region that it maps: what a stock is, and how RothC runs."""
    settings = region.settings
    rothc = settings.rothc.model_dump(
        exclude={"map_outputs", "first_map", "mu_max", "k_m", "expected_change"}
    )
    own = {"depth_cm": settings.depth_cm, "sampling_month": settings.sampling_month}
    return own | {f"rothc.{name}": value for name, value in rothc.items()}


def save_trained(trained: Trained, folder: Path) -> None:
    """Write `MODEL_FILES` into a folder.

    Raises
    ------
    OSError
        If the disk or folder refuses.
    """
    learned = trained.learned
    learned.save({name: folder / file for name, file in FOREST_FILES.items()}, trained.units)
    save_plain(folder / MODEL_FILE, replace(trained, learned=replace(learned, poml=None, ml=None)))
    pause("model")


def load_trained(folder: Path) -> Trained:
    """Read what `save_trained` wrote; nothing in it is executed.

    Raises
    ------
    ValueError
        If a file is missing, damaged, or not one that poml_map wrote.
    """
    found = load_plain(folder / MODEL_FILE, _CLASSES)
    if not isinstance(found, Trained):
        raise ValueError(f"no file that poml_map wrote: it holds a {type(found).__name__}")
    forests = {
        name: load_forest(str(folder / file), columns=list(found.units), units=found.units).forest
        for name, file in FOREST_FILES.items()
    }
    return replace(found, learned=replace(found.learned, **forests))


def model_digest(folder: Path) -> dict[str, str]:
    """SHA-256 of each of `MODEL_FILES`.

    Raises
    ------
    OSError
        If one is missing.
    """
    return {name: sha256_of_file(folder / name) for name in MODEL_FILES}


def borrow(folder: Path, region: Region, cube: Cube) -> Trained:
    """A model that another run learned, to map this region with.

    Parameters
    ----------
    folder : Path
        Of that run.
    region : Region
    cube : Cube

    Returns
    -------
    Trained
        Positions of its samples are in the CRS of `cube`; its intervals are for the years of the region.

    Raises
    ------
    InputError
        If there is none, or it was learned from other covariates or for other stocks.
    """
    trained = _opened(require_model(folder))
    _refuse_other_meaning(trained, region, cube, folder)
    learned, samples = trained.learned, trained.samples
    if trained.crs != cube.grid.crs:
        to_grid = pyproj.Transformer.from_crs(trained.crs, cube.grid.crs, always_xy=True)
        x, y = to_grid.transform(samples.table["x"].to_numpy(), samples.table["y"].to_numpy())
        samples = replace(samples, table=samples.table.assign(x=x, y=y))
    if learned.intervals is not None:
        maps = replace(learned.intervals.maps, years=region.years)
        learned = replace(learned, intervals=replace(learned.intervals, maps=maps))
    return replace(trained, learned=learned, samples=samples, crs=cube.grid.crs)


def require_model(folder: Path) -> Path:
    """The folder, which has the files of a model.

    Raises
    ------
    InputError
        If it has not.
    """
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if missing:
        found = f"no {missing[0]}" if folder.is_dir() else "no such folder"
        raise InputError(Problem("--model", str(folder), found, _EXPECTED, "Check the path."))
    return folder


def _opened(folder: Path) -> Trained:
    try:
        return load_trained(folder)
    except ValueError as error:
        mend = "Train it again, or copy the whole folder again."
        raise InputError(Problem("--model", str(folder), str(error).rstrip("."), _EXPECTED, mend)) from error


def _refuse_other_meaning(trained: Trained, region: Region, cube: Cube, folder: Path) -> None:
    problems, settings = Problems(), region.settings
    here = {name: cube.describe(name)["units"] for name in settings.covariates}
    if list(here.items()) != list(trained.units.items()):
        found = ", ".join(f"{name} [{unit}]" for name, unit in here.items())
        expected = ", ".join(f"{name} [{unit}]" for name, unit in trained.units.items())
        problems.add(region.file, "covariates", found, f"those of the model in {folder}: {expected}")
    for key, value in meaning(region).items():
        if value != trained.settings.get(key):
            expected = f"{trained.settings.get(key)!r}, as the model in {folder} has it"
            problems.extend([region.document.problem(tuple(key.split(".")), repr(value), expected)])
    if settings.intervals is not None and trained.learned.intervals is None:
        mend = "Leave out `intervals:`, or train the model with it."
        problems.extend([region.document.problem(("intervals",), "options of intervals", "none: the model "
                                                 f"in {folder} has no intervals", mend)])  # fmt: skip
    problems.raise_if_any()
