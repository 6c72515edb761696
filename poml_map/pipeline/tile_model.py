"""From fitted forests and parameters to what maps a tile."""

from __future__ import annotations

from poml_map.config import Region
from poml_map.hybrid import PomlForest
from poml_map.mapping import MapChange, MapIntervals, TileModel, change_mapper, forest_mapper
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.process_choices import process_inputs, process_options


def tile_model(
    region: Region,
    poml: PomlForest,
    ml: PomlForest,
    parameters: Parameters,
    engine: str = "auto",
    intervals: MapIntervals | None = None,
    change: MapChange | None = None,
) -> TileModel:
    """The models of a region, ready for tiles of its cube.

    Parameters
    ----------
    region : Region
    poml, ml : PomlForest
        Fitted on ``region.settings.covariates``.
    parameters : Parameters
        Of the process model.
    engine : {"auto", "fast", "sklearn"}
        See `poml_map.mapping.forest_mapper`.
    intervals : MapIntervals, optional
        Adds maps of the prediction interval; the spread of the trees needs the fast engine.
    change : MapChange, optional
        Adds maps of the interval of the change; likewise.

    Returns
    -------
    TileModel
    """
    first = region.settings.rothc.first_map
    column = "ml" if first == "ml" else region.sources[first].entry.cube_column
    covariates = tuple(region.settings.covariates)
    return TileModel(
        # One thread a tile: the tiles themselves run side by side.
        poml=forest_mapper(poml.set_params(n_jobs=None), covariates, engine, tree_sd=intervals is not None),
        ml=forest_mapper(ml.set_params(n_jobs=None), covariates, engine),
        covariates=covariates,
        years=region.years,
        options=process_options(region),
        inputs=process_inputs(region),
        mu_max=parameters.mu_max,
        k_m=parameters.k_m,
        groups=parameters.groups,
        first_map=column,
        process_maps=tuple(region.settings.rothc.map_outputs),
        intervals=intervals,
        change=change,
        poml_change=None if change is None else change_mapper(poml, covariates),
    )
