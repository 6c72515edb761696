"""Words of the run's own reports, as HTML in which nothing of a user's file is anything but text."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from poml_map.products.sheet import raised

_FIRST_BYTES = b"\x89PNG\r\n\x1a\n"
_CODE_OR_PRODUCT = re.compile(r"((?<!`)(`+)(?!`).*?(?<!`)\2(?!`))|(?<=\w)\*(?=\w)", re.DOTALL)
_TABLE = (
    '<div class="scroll" tabindex="0" role="region" aria-label="{0}">'
    '<table><caption class="unseen">{0}</caption>'
)


def sections(markdown: str) -> dict[str, str]:
    """Parts of a report by the heading of their second level.

    Examples
    --------
    >>> sections("# A\\n## Warnings\\n- none\\n## Limits\\n- many")
    {'Warnings': '- none', 'Limits': '- many'}
    """
    parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)[1:]
    return {name.strip(): body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def as_html(markdown: str, folder: Path, caption: str) -> Markup:
    """Markdown as HTML: raw HTML stays text, links only to the web, pictures of `folder` travel inside the page.

    Parameters
    ----------
    markdown : str
    folder : Path
        Where PNG files that it names lie.
    caption : str
        Of its tables.

    Examples
    --------
    >>> as_html("- `w_p` <b>", Path(), "")
    Markup('<ul>\\n<li><code>w_p</code> &lt;b&gt;</li>\\n</ul>\\n')
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.validateLink = lambda link: link.startswith("https://") or link.endswith(".png")
    # What a report writes as a*b*c is a product, not stress on b; within code it is a product anyway.
    words = _CODE_OR_PRODUCT.sub(lambda found: found[1] or r"\*", markdown)
    surroundings = {"folder": folder, "caption": caption}
    reader.core.ruler.push("plain", _without_style)
    reader.add_render_rule("image", _image)
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    return Markup(reader.render(raised(words), surroundings))


def accuracy_notes(section: str) -> list[str]:
    """What a run says below its table of accuracies, one sentence each."""
    lines = [line for line in section.splitlines() if line and not line.startswith("```")]
    start = next((place for place, line in enumerate(lines) if line.startswith("RMSE and ME")), len(lines))
    return [raised(line) for line in lines[start:]]


def _without_style(state) -> None:
    """Columns that are set to the right come with inline style, which the page's policy refuses."""
    for token in state.tokens:
        token.attrs.pop("style", None)


def _image(self, tokens, place, options, env) -> str:
    token = tokens[place]
    alt, name = token.content, token.attrs.get("src", "")
    path = env["folder"] / name
    if Path(name).name != name or not path.is_file() or not path.read_bytes().startswith(_FIRST_BYTES):
        return str(Markup("<em>{}</em>").format(alt))
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return str(Markup('<img class="figure" alt="{}" src="data:image/png;base64,{}">').format(alt, content))


def _table_open(self, tokens, place, options, env) -> str:
    return str(Markup(_TABLE).format(env["caption"]))


def _table_close(self, tokens, place, options, env) -> str:
    return "</table></div>\n"
