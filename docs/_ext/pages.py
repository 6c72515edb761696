"""Table of contents from docs/index.md, links to folders, and the first page under its usual name.

docs/index.md is a list of links under headings, for readers on the forge. Here the same list becomes the navigation
of the site, so that a page is entered in one place.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FIRST = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=README.html">\n'


def groups(index: str) -> dict[str, dict[str, str]]:
    """Heading -> title -> document of the list below it, as paths without suffix from the top of the repository.

    Examples
    --------
    >>> groups("# All\\n## Start\\n- [Own data](own-data.md): a line\\n- [Site](../examples/a/README.md)\\n")
    {'Start': {'Own data': 'docs/own-data', 'Site': 'examples/a/README'}}
    """
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        links = re.findall(r"^- \[([^\]]+)\]\(([^)#\s]+)\.md\)", body, re.MULTILINE)
        found[heading.strip()] = {
            title.replace("`", ""): posixpath.normpath(posixpath.join("docs", link)) for title, link in links
        }
    return found


def toctree(index: str) -> str:
    """MyST text of the hidden trees that `groups` asks for."""
    blocks = []
    for heading, pages in groups(index).items():
        lines = [
            ":hidden:",
            f":caption: {heading}",
            "",
            *(f"{title} </{page}>" for title, page in pages.items()),
        ]
        blocks.append("\n".join(["```{toctree}", *lines, "```"]))
    return "\n\n" + "\n\n".join(blocks) + "\n"


def link_folders(text: str, folder: Path) -> str:
    """The text with links to folders led to the README in them, as a forge shows it."""

    def led(match: re.Match) -> str:
        target = match[1]
        if ":" in target or target.startswith("#") or not (folder / target / "README.md").is_file():
            return match[0]
        return f"]({target.rstrip('/')}/README.md)"

    return _LINK.sub(led, text)


def _read(app, docname, content):
    path = Path(app.env.doc2path(docname))
    content[0] = link_folders(content[0], path.parent)
    if docname == "docs/index":  # for readers on the forge; here it is the navigation
        content[0] = "---\norphan: true\n---\n" + content[0]
    if docname == app.config.root_doc:
        content[0] += toctree((Path(app.srcdir) / "docs" / "index.md").read_text(encoding="utf-8"))


def _finished(app, exception):
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(_FIRST, encoding="utf-8")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _read)
    app.connect("build-finished", _finished)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
