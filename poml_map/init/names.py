"""What the name of a column says: which quantity, in which unit, of which depth, in which CRS."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Meaning -> names, joined, in lower case. Each meaning's likeliest come first.
_WORDS = {
    "site": (
        "siteid", "site", "profileid", "profile", "plotid", "plot", "pointid", "point", "locationid", "location",
        "stationid", "station", "sourceid", "sampleid", "sample", "sampleno", "samplenumber", "siteno", "sitecode",
        "plotno", "code", "id", "uid", "fid", "no", "nr", "样点编号", "样点", "样点号", "点位编号", "点位", "点号",
        "剖面编号", "剖面号", "剖面", "样品编号", "样号", "编号", "序号", "standort",
    ),
    "year": (
        "year", "yr", "samplingyear", "sampleyear", "yearofsampling", "surveyyear", "campaign", "jahr", "annee", "年份",
        "年", "采样年份", "采样年", "调查年份",
    ),
    "date": (
        "date", "samplingdate", "sampledate", "surveydate", "dateofsampling", "datum", "observationdate", "日期",
        "采样日期", "采样时间", "时间", "调查日期",
    ),
    "soc": (
        "soc", "oc", "orgc", "organiccarbon", "soilorganiccarbon", "corg", "toc", "soccontent", "orcdrc", "carbon",
        "organicc", "soilcarbon", "有机碳", "有机碳含量", "土壤有机碳", "土壤有机碳含量",
    ),
    "som": (
        "som", "om", "organicmatter", "soilorganicmatter", "humus", "有机质", "有机质含量", "土壤有机质",
        "土壤有机质含量",
    ),
    "stock": (
        "socs", "socstock", "stock", "carbonstock", "cstock", "socd", "socdensity", "ocstock", "soilcarbonstock", "ocs",
        "碳储量", "有机碳储量", "碳密度", "有机碳密度", "土壤有机碳密度", "土壤有机碳储量",
    ),
    "bulk_density": (
        "bd", "bulkdensity", "bulkdens", "bld", "bdod", "bdfe", "bdfiod", "blkd", "rho", "rhob", "soilbulkdensity",
        "dbd", "trd", "lagerungsdichte", "容重", "土壤容重",
    ),
    "coarse_fragments": (
        "cf", "coarsefragments", "coarsefragment", "coarse", "gravel", "stones", "rockfragments", "skeleton", "crfvol",
        "cfvo", "rf", "砾石", "砾石含量", "石砾", "石砾含量",
    ),
    "depth": (
        "depth", "depthcm", "samplingdepth", "sampledepth", "depthrange", "depthinterval", "depthlayer", "increment",
        "layer", "soillayer", "horizon", "soilhorizon", "tiefe", "horizont", "深度", "采样深度", "土层深度", "土层",
        "层次",
    ),
    "upper": (
        "upper", "upperdepth", "top", "topdepth", "depthtop", "depthupper", "uhdicm", "depthfrom", "上界", "上限",
    ),
    "lower": (
        "lower", "lowerdepth", "bottom", "bottomdepth", "depthbottom", "depthlower", "lhdicm", "depthto",
        "下界", "下限",
    ),
}  # fmt: skip
_MEANING = {word: meaning for meaning, words in _WORDS.items() for word in words}
_RANK = {word: rank for words in _WORDS.values() for rank, word in enumerate(words)}

_PER, _M = r"[\W_]*(?:c[\W_]+)?(?:per[\W_]*)?", r"[\W_]*"
# In this order: what begins alike must come longest first.
_UNITS = [
    (re.compile(rf"(?<![a-z]){pattern}(?![a-z])(?:{_M}1(?![0-9]))?"), unit)
    for pattern, unit in (
        (rf"mg{_PER}kg", "mg/kg"),
        (rf"mg{_PER}g", "mg/g"),
        (rf"g{_PER}100{_M}g", "%"),
        (rf"dg{_PER}kg", "dg/kg"),
        (rf"g{_PER}kg", "g/kg"),
        (rf"kg{_PER}m{_M}2", "kg/m2"),
        (rf"kg{_PER}m{_M}3", "kg/m3"),
        (rf"kg{_PER}dm{_M}3", "kg/dm3"),
        (rf"(?:t|mg){_PER}ha", "t/ha"),
        (rf"(?:t|mg){_PER}m{_M}3", "t/m3"),
        (rf"cg{_PER}cm{_M}3", "cg/cm3"),
        (rf"g{_PER}(?:cm{_M}3|cc)", "g/cm3"),
        (r"(?:vol|volume|wt|weight)?[\W_]*(?:pct|perc|percent|prozent)", "%"),
        (r"(?:ratio|fraction|frac|share)", "1"),
    )
] + [(re.compile(r"%"), "%")]
_DEPTH = re.compile(
    r"(?<![0-9])(\d{1,2})[\W_]*(?:cm)?[\W_]*(?:-|–|_|to|至)[\W_]*(\d{1,3})[\W_]*(?:cm|厘米)?(?![0-9])"
)
_YEAR = re.compile(r"(?<![0-9])(?:19|20)\d\d(?![0-9])(?:s(?![a-z]))?")  # "1980s", too
_UTM = re.compile(r"utm[\W_]*(?:zone)?[\W_]*(\d{1,2})[\W_]*([ns])?(?![a-z])")
_EPSG = re.compile(r"epsg[\W_]*(\d{4,5})")
# A name with one of these is about a quantity, not the quantity.
_ABOUT = {
    "sd", "se", "std", "stdev", "stderr", "err", "error", "rmse", "var", "variance", "cv", "min", "max", "n", "flag",
    "class", "method", "source", "lab", "log", "ln", "change", "delta", "pred", "predicted", "q05", "q95",
    "inorganic", "microbial", "biomass", "dissolved", "labile",
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """What a name tells.

    Attributes
    ----------
    name : str
        As in the table.
    meaning : str
        A key of ``samples.columns``, or som, date, depth, upper, lower; empty if unknown.
    unit : str
        Empty if the name has none.
    depth : tuple of 2 int, optional
        Upper and lower limit. [cm]
    year : int, optional
    crs : str
    words : tuple of str
    rank : int
        0 for the likeliest name of its meaning.
    """

    name: str
    meaning: str = ""
    unit: str = ""
    depth: tuple[int, int] | None = None
    year: int | None = None
    crs: str = ""
    words: tuple[str, ...] = ()
    rank: int = 999


def named(name: str) -> Named:
    """What a column's name tells.

    Examples
    --------
    >>> [(each.meaning, each.unit) for each in map(named, ("SOC (g/kg)", "som_g_kg", "OC%", "容重", "BD_kg_m3"))]
    [('soc', 'g/kg'), ('som', 'g/kg'), ('soc', '%'), ('bulk_density', ''), ('bulk_density', 'kg/m3')]
    >>> named("soc_0_20cm_1980").depth, named("soc_0_20cm_1980").year, named("x_utm50n").crs
    ((0, 20), 1980, 'EPSG:32650')
    >>> named("soc_sd").meaning, named("inorganic carbon").meaning, named("SOC_1980s").meaning
    ('', '', 'soc')
    """
    text = _plain(name)
    crs, text = _take_crs(text)
    unit, text = _take_unit(text)
    year = _YEAR.search(text)
    text = _YEAR.sub(" ", text)
    depth = _DEPTH.search(text)
    # "0-20" is a depth, "1-1" is none.
    limits = (int(depth[1]), int(depth[2])) if depth and int(depth[1]) < int(depth[2]) else None
    text = _DEPTH.sub(" ", text) if limits else text
    words = tuple(re.findall(r"[^\W_]+", text))
    word = _known(words)
    return Named(
        name, _MEANING.get(word, ""), unit, limits, int(year[0][:4]) if year else None, crs, words, _RANK.get(word, 999)
    )  # fmt: skip


def depth_of(text: str) -> tuple[int, int] | None:
    """Upper and lower limit that a text tells. [cm]

    Examples
    --------
    >>> depth_of("0-20 cm"), depth_of("topsoil")
    ((0, 20), None)
    """
    return named(text).depth


def _plain(name: str) -> str:
    """Lower case, with a blank where one word ends and the next begins."""
    text = unicodedata.normalize("NFKC", name.strip())
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    text = re.sub(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])", " ", text)
    return re.sub(r"wgs[\W_]*84", " ", text.lower())


def _take_crs(text: str) -> tuple[str, str]:
    code, zone = _EPSG.search(text), _UTM.search(text)
    if code:
        return f"EPSG:{code[1]}", _EPSG.sub(" ", text)
    if zone and zone[2] and 1 <= int(zone[1]) <= 60:
        return f"EPSG:{326 if zone[2] == 'n' else 327}{int(zone[1]):02d}", _UTM.sub(" ", text)
    return "", text


def _take_unit(text: str) -> tuple[str, str]:
    for pattern, unit in _UNITS:
        if pattern.search(text):
            return unit, pattern.sub(" ", text)
    return "", text


def _known(words: tuple[str, ...]) -> str:
    """The known word that the words make together, or the only known one among them."""
    together = "".join(words)
    if together in _MEANING:
        return together
    # Total carbon holds that of lime.
    if set(words) & _ABOUT or ("total" in words and "organic" not in words):
        return ""
    known = [
        word
        for word in words
        if word in _MEANING and word not in ("no", "n", "code", "top", "rf", "depth", "layer", "年")
    ]
    return known[0] if len(known) == 1 and len(words) <= 3 else ""
