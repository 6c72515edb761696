"""What all pages have in common: the style of the house, escaping, and what the browser may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

import jinja2

_ASSETS = files("poml_map.products.page") / "assets"


def asset(name: str) -> str:
    """Text of a file of the report page, such as ``page.css``."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def environment(load: Callable[[str], str]) -> jinja2.Environment:
    """Templates that escape every value, and refuse a name that they are not given.

    Examples
    --------
    >>> environment({"page": "<p>{{ name }}"}.get).get_template("page").render(name="<script>")
    '<p>&lt;script&gt;'
    """
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def policy_hash(text: str) -> str:
    """A script or style as a Content-Security-Policy names it: no other one in the page may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
