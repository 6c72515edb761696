"""`report.md`: what a reader of the maps must know, in one page."""

from __future__ import annotations

from dataclasses import dataclass

from poml_map.config import Region
from poml_map.cube import year_list
from poml_map.pipeline.calibration import calibration_lines
from poml_map.pipeline.checks import fill_text
from poml_map.pipeline.intervals import interval_lines
from poml_map.pipeline.site_facts import balance_text
from poml_map.pipeline.sources import source_lines
from poml_map.units import STOCK_LABELS, stock_factor

SYNTHETIC = "SYNTHETIC DATA: this region was made by a computer program; its maps show nothing real."


@dataclass(frozen=True)
class Notes:
    """What must not be overlooked: it stands on every picture, in every tag and at the top of the report.

    Attributes
    ----------
    lines : list of str
        For people.
    tags : dict
        For GeoTIFF tags: ``SYNTHETIC``, ``STAND_IN``, ``ASSUMED``.
    """

    lines: list[str]
    tags: dict

    @classmethod
    def of(cls, region: Region, parameters, model_of: str = "") -> Notes:
        """Notes of a region with these parameters of the process model.

        Parameters
        ----------
        region : Region
        parameters : Parameters
        model_of : str
            Name of the region that the model was learned in, if it is another one.
        """
        stand_ins = ", ".join(region.stand_ins)
        assumed = ", ".join([*_assumed_mu(parameters), *_assumed_inputs(region)])
        lines = ["Synthetic data"] if region.settings.synthetic else []
        lines += [f"Stand-in: {', '.join(region.stand_in_names)}"] if stand_ins else []
        lines += [f"Assumed: {assumed}"] if assumed else []
        lines += [f"Model learned in: {model_of}"] if model_of else []
        model = {"MODEL_OF_REGION": model_of} if model_of else {}
        return cls(
            lines, model | {"SYNTHETIC": region.settings.synthetic, "STAND_IN": stand_ins, "ASSUMED": assumed}
        )


def _assumed_mu(parameters) -> list[str]:
    """What stands for a fit: the given law, or the constant mu with what mu = 1 would give beside it."""
    if parameters.origin == "calibrated":
        return []
    if parameters.origin == "given":
        return [f"{parameters.details['law']}, not fitted"]
    change, plain = (parameters.details[name] for name in ("expected_change", "change_with_mu_1"))
    return [f"mu = {parameters.mu_max:.3g} for a change of {change:+.1%} (mu = 1 would give {plain:+.1%})"]


def _assumed_inputs(region: Region) -> list[str]:
    """What the region file states in place of something measured."""
    samples = region.settings.samples
    found = [] if samples.year is None else [f"sampling year {samples.year}"]
    for name, unit in (("bulk_density", " g/cm3"), ("coarse_fragments", "")):
        number = getattr(samples, name)
        if isinstance(number, float):
            found.append(f"{name.replace('_', ' ')} {number:g}{unit}")
    if samples.soc_factor != 1:
        found.append(f"{samples.soc_factor:g} of the measured content is carbon")
    if region.settings.rothc.input_column is None:
        found.append("carbon input of RothC the same in all years")
    return found


def accuracy_lines(table, unit: str) -> list[str]:
    """The accuracy table as text lines.

    Parameters
    ----------
    table : pandas.DataFrame
        ``model``, ``campaign``, ``n``, ``rmse``, ``ccc``, ``mean_error``, ``mec``; stocks in kg/m2.
    unit : str
        ``kg/m2`` or ``t/ha``, for RMSE and ME.
    """
    factor = stock_factor(unit)
    lines = [f"{'model':<6}{'campaign':<10}{'n':>5}{'RMSE':>8}{'CCC':>7}{'ME':>8}{'MEC':>7}"]
    for row in table[table["n"] > 0].itertuples():
        lines.append(
            f"{row.model:<6}{row.campaign:<10}{row.n:>5}{row.rmse * factor:>8.3f}{row.ccc:>7.3f}"
            f"{row.mean_error * factor:>8.3f}{row.mec:>7.3f}"
        )
    return [
        *lines,
        f"RMSE and ME in {STOCK_LABELS[unit]}, at held-out sites; common: where all models predict.",
    ]


def one_campaign_warning(samples: dict) -> list[str]:
    """What the change of ML is where samples are of one year; nothing where they are of several.

    Examples
    --------
    >>> one_campaign_warning({"samples_by_year": {"1980": 60, "2000": 60}})
    []
    >>> one_campaign_warning({"samples_by_year": {"1980": 140}})[0][:40]
    'ML learned from one campaign (1980): its'
    """
    campaigns = list(samples["samples_by_year"])
    if len(campaigns) != 1:
        return []
    return [
        f"ML learned from one campaign ({campaigns[0]}): its course over time follows the weather of each year, taken "
        "for that of another place; it is not a change that was observed"
    ]


def lost_change_warning(rothc: dict, change: dict, unit: str) -> list[str]:
    """That POML's maps do not show the change which was assumed; nothing where they do, or where it was fitted.

    Parameters
    ----------
    rothc : dict
        With the ``origin`` of the parameters.
    change : dict
        ``period`` and ``mean`` by model; empty where one year is mapped.
    unit : str
        Of the means, as it is written.

    Examples
    --------
    >>> means = {"POML": -0.02, "PO": 0.32}
    >>> lost_change_warning({"origin": "assumed"}, {"period": [1980, 2000], "mean": means}, "kg C m-2")[0][:48]
    'POML does not show the assumed change: the mean '
    >>> lost_change_warning({"origin": "calibrated"}, {"period": [1980, 2000], "mean": means}, "kg C m-2")
    []
    """
    means = (change or {}).get("mean", {})
    if rothc.get("origin") != "assumed" or not {"POML", "PO"} <= set(means):
        return []
    poml, po = means["POML"], means["PO"]
    if abs(poml - po) <= abs(po) / 2:
        return []
    first, last = change["period"]
    return [
        f"POML does not show the assumed change: the mean of its maps changes by {poml:+.3f} {unit} from {first} to "
        f"{last}, that of PO by {po:+.3f}. Few of its covariates go on with time, so the forest takes a trend for the "
        "weather of each year; take PO for the change, or add a driver of carbon input that changes"
    ]


def report(region: Region, manifest: dict, accuracy: list[str], effects, notes: list[str]) -> str:
    """The whole page as Markdown.

    Parameters
    ----------
    region : Region
    manifest : dict
        What `manifest.json` holds.
    accuracy : list of str
        From `accuracy_lines`, and the notes below it.
    effects : list of (str, float)
        What another choice would do to the mean stock of the last year. [kg/m2]
    notes : list of str
        From `Notes`.
    """
    settings = region.settings
    title = settings.title or settings.name
    first, last = manifest["mapped_years"]
    parts = [f"# {title}: soil organic carbon stock {year_list(range(first, last + 1))}", ""]
    parts += [f"**{SYNTHETIC}**", ""] if settings.synthetic else []
    parts += [f"**{note}**" for note in notes if note != "Synthetic data"]
    parts += [
        "",
        f"Stock of the upper {settings.depth_cm:g} cm at the end of month {settings.sampling_month}.",
        "",
    ]
    parts += ["## Accuracy at held-out sites", "", "```", *accuracy, "```", ""]
    parts += _regional_means(manifest, settings.units)
    unit = manifest["regional_mean"]["unit"]
    lost = lost_change_warning(manifest["rothc"], manifest["change"], unit)
    parts += _changes(manifest, [*one_campaign_warning(manifest["samples"]), *lost])
    parts += _process(region, manifest, effects)
    parts += _counts(manifest)
    parts += ["## Sources", "", *source_lines(manifest["sources"]), ""]
    parts += ["## Warnings", "", *([f"- {text}" for text in manifest["warnings"]] or ["None."]), ""]
    parts += _limits(
        interval_lines(manifest.get("intervals"), settings.units, has_change=bool(manifest["change"]))
    )
    return "\n".join(parts) + "\n"


def _regional_means(manifest: dict, unit: str) -> list[str]:
    means = manifest["regional_mean"]
    years = means["year"]
    lines = [
        f"## Mean of the region [{STOCK_LABELS[unit]}]",
        "",
        "| year | " + " | ".join(means["models"]) + " |",
    ]
    lines.append("|---" * (1 + len(means["models"])) + "|")
    for index, year in enumerate(years):
        values = " | ".join(f"{series[index]:.3f}" for series in means["models"].values())
        lines.append(f"| {year} | {values} |")
    return [*lines, ""]


def _changes(manifest: dict, beware: list[str]) -> list[str]:
    """What the maps and tables of the change say; nothing where one year is mapped."""
    change, label = manifest["change"], manifest["regional_mean"]["unit"]
    if not change:
        return []
    first, last = change["period"]
    means = ", ".join(f"{model} {mean:+.3f}" for model, mean in change["mean"].items())
    lines = [f"## Change from {first} to {last}", "", f"- Mean of the region [{label}]: {means}."]
    lines += [f"- {text}." for text in beware]
    if "classes" in change:
        total = sum(change["classes"].values())
        shares = ", ".join(f"{text} {100 * count / total:.1f} %" for text, count in change["classes"].items())
        judged = {"pixel": "each by its own interval", "false_discovery": "with false discoveries controlled"}
        lines.append(
            f"- Pixels by what their {100 * change['level']:g} % interval tells, {judged[change['control']]}: {shares} "
            f"({change['calibration']})."
        )
    lines.append(
        f"- Zones and region: zones.csv, zone_changes.csv, with {100 * manifest['areas']['level']:g} % limits of the "
        "true means, which the held-out sites in them correct (columns `..._adjusted`)."
    )
    return [*lines, *(f"  - {note[0].upper()}{note[1:]}." for note in manifest["areas"]["notes"]), ""]


def _process(region: Region, manifest: dict, effects) -> list[str]:
    rothc, unit = manifest["rothc"], region.settings.units
    factor, label = stock_factor(unit), STOCK_LABELS[unit]
    balances = [
        balance_text(manifest["carbon_balance"][where], unit, region.years[-1], of)
        for where, of in (("sites", "site"), ("map", "pixel"))
    ]
    lines = [
        "## Process model",
        "",
        f"- {rothc['law']} ({rothc['origin']}).",
        *calibration_lines(rothc, unit),
        "- Months of the spin-up: "
        + ", ".join(f"{key} {text}" for key, text in manifest["spinup"].items())
        + ".",
        *_jumps(rothc, manifest["averaging_months"], region.settings.rothc.spinup),
        *(f"- {text[0].upper()}{text[1:]}." for text in balances),
        "- Other choices, parameters kept, mean simulated stock of the last year at the sites:",
        "",
    ]
    return [*lines, *[f"  - {text}: {difference * factor:+.3f} {label}" for text, difference in effects], ""]


def _jumps(rothc: dict, averaging: dict, spinup: str) -> list[str]:
    """What makes decay jump when the run begins; whether that is too much stands among the warnings."""
    mu, jump = rothc["mu_at_first_campaign"], rothc["rate_jump_at_first_campaign"]
    meaning = {
        "mean_months": "The mean year of the spin-up has no dry spells, real years have: a ratio away from 1 is no "
        "change of climate alone, and a fitted mu makes up for it.",
        "real_years": "Both are of real years: a ratio away from 1 is a change of climate, or of cover where the "
        "NDVI of the spin-up is a mean of other years.",
    }
    return [
        f"- mu at the first campaign: {_quantile_text(mu)}; it is 1 in the spin-up, so the distance from 1 is a "
        "jump in decay that climate does not explain.",
        f"- `a*b*c` after the first campaign over that of the spin-up: {_quantile_text(jump)}. {meaning[spinup]}",
        f"- `a*b*c` of the real months of the run over that of their mean year: {_quantile_text(averaging)}. This is "
        "what averaging months does by itself.",
    ]


def _quantile_text(quantiles: dict) -> str:
    """Median and range of the sites."""
    return f"median {quantiles['median']:.3f} (5-95 %: {quantiles['q05']:.3f} to {quantiles['q95']:.3f})"


def _counts(manifest: dict) -> list[str]:
    samples, pixels = manifest["samples"], manifest["pixels"]
    lines = ["## What went in, what was left out", ""]
    lines.append(
        f"- Samples: {samples['n_used']} of {samples['n_in']} rows used, {samples['n_sites']} sites "
        f"({samples['sites_with_one_campaign']} with one campaign, {samples['sites_outside_mask']} outside the mask)."
    )
    lines += [f"  - {n} rows left out or merged: {reason}" for reason, n in samples["n_dropped"].items()]
    lines += [f"- Pixels {name}: {n:,}" for name, n in sorted(pixels.items())]
    lines += [
        f"- Source {name} reaches {100 * share:.1f} % of the area"
        for name, share in manifest["coverage"].items()
    ]
    lines += [f"- Filled: {fill_text(fill)}" for fill in manifest["fills"]]
    lines += [f"- Stand-in: {name}" for name in manifest["stand_ins"]]
    return [*lines, f"- Digest of all inputs: {manifest['input_digest']}", ""]


def _limits(intervals: list[str]) -> list[str]:
    return [
        "## What these maps do not tell",
        "",
        "- Bulk density and coarse fragments from a map are the same in all years: the change of the stock is the "
        "change of carbon content alone.",
        "- PO knows the first stock of its site; the forests are scored at sites they never saw. Compare models on "
        "the same campaign, and PO with the change, not with the map.",
        "- Random folds tell how well samples are interpolated among samples, not how good the map is far from them.",
        *intervals,
        "",
    ]
