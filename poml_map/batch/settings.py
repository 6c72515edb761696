"""A batch file: one region file as a template, and what differs in each region."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from poml_map.yamlmodel import Settings


class BatchSettings(Settings):
    """All keys of a batch file."""

    template: str = Field(description="a region file, relative to this file", examples=["province.yaml"])
    regions: list[dict[str, Any]] = Field(
        [], description="a list: `name:` and any keys of a region file that differ from the template"
    )
    by: str | None = Field(
        None, description="a column of the polygons of `area:`, in quotes", examples=["county_code"]
    )
    model: str = Field(
        "each", description="each, shared, or the folder of a trained model", examples=["shared"]
    )
