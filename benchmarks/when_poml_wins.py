"""When are the simulations worth their weight? POML against ML in demo regions that differ in one thing at a time.

    python benchmarks/when_poml_wins.py [SEED ...] [--folder DIR] [--figures DIR]

Changed are the share of the first stock's variance that no covariate shows, the noise of the measurements, how wrong
the process model is, the number of sites, w_p, and the least rows in a leaf; each twice: with growth by the demo's own
laws, and with growth that is RothC's own. Scored are held-out sites in sampled years, and all pixels against the
truth, which no method reads. With `--folder` what is measured is kept there, and not measured again. 38 regions a
seed, half a minute each on two cores.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from worlds import Basis, Scenario

from poml_map.demo.sizes import RUN_YEARS
from poml_map.hybrid.evaluation import evaluate, random_folding
from poml_map.hybrid.evaluation.score_tables import pairs_of
from poml_map.hybrid.scores import rmse
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.known_truth import MAPS, QUESTIONS, known_truth
from poml_map.pipeline.validation.assess import Fits
from poml_map.pipeline.validation.gather import gather
from poml_map.pipeline.validation.maps import mapped

TREES = 200
LEAKY = "held-out pooled, with a leak"
HELD_OUT = ("POML", "ML", "PO", "PERSISTENCE")

#: What is changed -> its values, and what its axis says.
KNOBS = {
    "unexplained": ((0.0, 0.15, None, 0.5, 0.8), "unexplained variance"),
    "noise": ((0.0, None, 0.3, 0.5), "noise (kg C m⁻²)"),
    "sites": ((100, 200, None), "sites"),
    "wrong": ((0.0, 0.5, None, 1.5), "error of RothC (demo: 1)"),
    "w_p": ((0.0, 0.1, 0.25, None, 0.75, 0.9, 1.0), "weight of the simulations, w_p"),
    "leaf": ((None, 5, 20), "least rows in a leaf"),
}


def scenarios() -> list[Scenario]:
    """Every region, once; None is the demo's own value."""
    found = []
    for base in (Scenario(), Scenario(wrong=0.0)):
        for knob, (values, _) in KNOBS.items():
            found += [base if value is None else replace(base, **{knob: value}) for value in values]
    return list(dict.fromkeys(found))


def measure(basis: Basis, scenario: Scenario) -> list[dict]:
    """Errors of all models in one region. [kg/m2]"""
    truth = basis.truth(scenario)
    gathered = gather(check_region(basis.region(scenario, truth)))
    panel, settings = gathered.panel, gathered.region.settings
    folding = random_folding(panel.sites, settings.validation.folds, 0, gathered.place_of_site)
    forest = gathered.forest(TREES)
    found = evaluate(
        panel, gathered.process(), folding, w_p=settings.hybrid.w_p, forest=forest, models=HELD_OUT
    )
    rows = []
    for target in ("t1", "t2", "pooled", "change"):
        for model in HELD_OUT:
            pairs = pairs_of(panel, found.predicted[model], target, model)
            known = ~np.isnan(pairs.predicted)
            if known.all() and len(known):
                error = rmse(pairs.observed, pairs.predicted)
                rows.append({"question": f"held-out {target}", "model": model, "error": error})
    with tempfile.TemporaryDirectory() as scratch, mapped(gathered, TREES, Path(scratch), Fits(2)) as maps:
        sampled = panel.years[panel.has_observation.any(axis=1)]
        against = known_truth(
            maps.read,
            lambda year: truth[year - RUN_YEARS[0]],
            panel.years,
            sampled,
            gathered.cube.zone_codes(),
        )
    rows += against.questions.to_dict(orient="records")
    rows += [
        {"question": f"level {row.year}", "model": row.model, "error": row.rmse}
        for row in against.by_year.itertuples()
    ]
    return [{**asdict(scenario), "seed": basis.seed, **row} for row in rows]


def measure_leak(basis: Basis) -> list[dict]:
    """Held-out error of POML in the demo itself if simulated rows of held-out sites stay in training. [kg/m2]

    It is planted here to see what it is worth; the program refuses it.
    """
    gathered = gather(check_region(basis.region(Scenario(), basis.truth(Scenario()))))
    panel, settings, process = gathered.panel, gathered.region.settings, gathered.process()
    folding = random_folding(panel.sites, settings.validation.folds, 0, gathered.place_of_site)
    predicted = np.full(panel.observed.shape, np.nan)
    for held_out in folding.held_out():
        rows = panel.training_rows(process(~held_out), settings.hybrid.w_p)
        kept = rows.is_simulated | ~np.isin(rows.site, panel.sites[held_out])
        forest = gathered.forest(TREES).fit(rows.X[kept], rows.y[kept], rows.weight[kept])
        X = panel.X[:, held_out]
        predicted[:, held_out] = forest.predict(X.reshape(-1, X.shape[-1])).reshape(X.shape[:-1])
    pairs = pairs_of(panel, predicted, "pooled")
    error = rmse(pairs.observed, pairs.predicted)
    return [{**asdict(Scenario()), "seed": basis.seed, "question": LEAKY, "model": "POML", "error": error}]


def all_seeds(seeds: list[int], folder: Path, size: str) -> pd.DataFrame:
    """Rows of every region and seed; what lies in the folder is taken from there."""
    rows = []
    for seed in seeds:
        basis = _once(lambda seed=seed: Basis(folder, size, seed))
        for scenario in scenarios():
            kept = folder / f"{size}-{seed}-{scenario.name}.json"
            rows += _kept(kept, lambda scenario=scenario, basis=basis: measure(basis(), scenario))
        rows += _kept(folder / f"{size}-{seed}-leak.json", lambda basis=basis: measure_leak(basis()))
    return pd.DataFrame(rows)


def _once(make: Callable) -> Callable:
    """`make` as a function that makes it at the first call only."""
    made = []

    def get():
        if not made:
            made.append(make())
        return made[0]

    return get


def _kept(file: Path, make: Callable[[], list[dict]]) -> list[dict]:
    if not file.exists():
        file.write_text(json.dumps(make()))
        print(f"measured {file.stem}", flush=True)
    return json.loads(file.read_text())


def of_scenario(table: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Its rows of all seeds."""
    is_it = np.logical_and.reduce(
        [np.isclose(table[name], value) for name, value in asdict(scenario).items()]
    )
    return table[is_it]


def demo_lines(table: pd.DataFrame) -> Iterator[str]:
    """Error of every map in the demo itself for each question: mean over seeds, and the least and largest."""
    rows = of_scenario(table, Scenario())
    yield "| question | " + " | ".join(MAPS) + " | best | POML against ML, by seed |"
    yield "|---" * (len(MAPS) + 3) + "|"
    for question in QUESTIONS:
        errors = rows[rows["question"] == question].pivot_table(index="seed", columns="model", values="error")
        mean = errors.mean()
        cells = [f"{mean[name]:.3f}" for name in MAPS]
        gains = ", ".join(f"{gain:+.0%}" for gain in errors["POML"] / errors["ML"] - 1)
        yield f"| {question} | " + " | ".join([*cells, mean.idxmin(), gains]) + " |"
    honest, leaky = (
        rows[(rows["question"] == name) & (rows["model"] == "POML")] for name in ("held-out pooled", LEAKY)
    )
    ratio = leaky.set_index("seed")["error"] / honest.set_index("seed")["error"] - 1
    yield ""
    yield (
        f"POML at held-out sites: {honest['error'].mean():.3f}; {leaky['error'].mean():.3f} ({ratio.mean():+.0%}) if "
        "simulated rows of held-out sites are left in training."
    )


#: Row of the figure -> question, model that POML is compared with, and what it says.
COMPARED = {
    "held-out sites, sampled years, against ML": ("held-out pooled", "ML"),
    "all pixels, years between, against ML": ("level, unsampled years", "ML"),
    "all pixels, years between, against straight lines": ("level, unsampled years", "ML_LINEAR"),
    "all pixels, change in 20 years, against ML": ("change, first to last year", "ML"),
}


def gains(table: pd.DataFrame, scenario: Scenario, question: str, other: str) -> np.ndarray:
    """Error of POML over that of another model, less 1, by seed: below 0 POML is better."""
    rows = of_scenario(table, scenario)
    errors = rows[rows["question"] == question].pivot_table(index="seed", columns="model", values="error")
    return (errors["POML"] / errors[other] - 1).to_numpy()


def gain_lines(table: pd.DataFrame) -> Iterator[str]:
    """Gain in every region, mean over seeds."""
    yield "| unexplained | noise | error of RothC | sites | w_p | leaf | " + " | ".join(COMPARED) + " |"
    yield "|---" * (6 + len(COMPARED)) + "|"
    for scenario in scenarios():
        found = [gains(table, scenario, *what) for what in COMPARED.values()]
        cells = [
            f"{value:.2g}" if isinstance(value, float) else f"{value}" for value in asdict(scenario).values()
        ]
        cells += [f"{each.mean():+.1%} ({each.min():+.1%} to {each.max():+.1%})" for each in found]
        yield "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure what is missing, print the tables, draw the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--size", default="small")
    parser.add_argument("--folder", type=Path, help="kept; what is measured there is not measured again")
    parser.add_argument("--figures", type=Path, help="folder that gets the figures")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        table = all_seeds(asked.seeds, folder, asked.size)
    print(f"Synthetic regions, seeds {asked.seeds}; errors in kg C m-2, the trend in ten years\n")
    print("\n".join([*demo_lines(table), "", *gain_lines(table)]))
    if asked.figures:
        from when_poml_wins_figures import draw_all

        draw_all(table, asked.figures)


if __name__ == "__main__":
    main()
