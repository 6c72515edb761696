"""What the maps rest on, by the words of the catalog: who made each source, under which licence, where it is."""

from __future__ import annotations

from poml_map.catalog import CLASS_ROLES, Source
from poml_map.config import Region

_NOT_STATED = "not stated"


def source_list(region: Region) -> list[dict]:
    """Every catalog entry that a run uses, for manifest, report and STAC.

    Parameters
    ----------
    region : Region

    Returns
    -------
    list of dict
        In the order of the region file: ``name``, ``role``, ``columns`` of the cube that it fills, and ``source``,
        ``licence``, ``url``, ``years``, ``long_name``, ``stand_in`` as the catalog has them; what it does not state
        is None.
    """
    return [_facts(source) for source in region.sources.values()]


def _facts(source: Source) -> dict:
    entry = source.entry
    own = [] if entry.role in CLASS_ROLES else [entry.cube_column]
    told = ("source", "licence", "url", "years", "long_name", "stand_in")
    return {
        "name": source.name,
        "role": entry.role,
        "columns": [*own, *entry.derive],
        **{key: _one_line(getattr(entry, key)) for key in told},
    }


def _one_line(told):
    return " ".join(told.split()) if isinstance(told, str) else told


def source_lines(sources: list[dict]) -> list[str]:
    """The sources as Markdown, one line each, so that whoever shows the maps can name them.

    Examples
    --------
    >>> source_lines([{"name": "dem", "role": "elevation", "columns": ["ELEV", "SLP"], "source": "Brus (2022)",
    ...                "licence": "CC-BY-4.0", "url": None, "years": None, "long_name": None, "stand_in": True}])
    ['- **dem** (ELEV, SLP; stand-in): Brus (2022). Licence: CC-BY-4.0.']
    """
    return [_line(each) for each in sources]


def _line(facts: dict) -> str:
    what = ", ".join(facts["columns"]) or facts["role"].replace("_", " ")
    years = facts["years"] and f"{facts['years'][0]}-{facts['years'][1]}"
    head = "; ".join(filter(None, [what, years, facts["stand_in"] and "stand-in"]))
    link = f" <{facts['url']}>" if facts["url"] else ""
    return (
        f"- **{facts['name']}** ({head}): {_ended(facts['source'] or 'source ' + _NOT_STATED)} "
        f"Licence: {_ended(facts['licence'] or _NOT_STATED)}{link}"
    )


def _ended(text: str) -> str:
    return text.rstrip(".") + "."
