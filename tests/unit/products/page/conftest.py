"""A finished page, and what can be read back from one."""

import base64
import json
import zlib
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

from poml_map.products.page import write_page


class _Reader(HTMLParser):
    """Elements with their attributes, and the text of each script and style, as a browser sees them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.text, self._open = [], [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._open = (tag, dict(attributes), [])
            self.scripts.append(self._open)

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._open = None

    def handle_data(self, data):
        if self._open is None:
            self.text += data
        else:
            self._open[2].append(data)


def _unpacked(text, frames, offset):
    """What page.js does: pixels of each frame, NaN where there is none."""
    halves = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.int64)
    folded = (halves[: len(halves) // 2] << 8 | halves[len(halves) // 2 :]).reshape(frames, -1)
    steps = np.where(folded & 1, -(folded + 1 >> 1), folded >> 1)
    codes = np.cumsum(steps, axis=0) % 65536
    return np.where(codes == 65535, np.nan, codes + offset)


def _read(path):
    source = path.read_text(encoding="utf-8")
    reader = _Reader(source)
    by_id = {attributes.get("id"): "".join(parts) for _, attributes, parts in reader.scripts}
    facts = json.loads(by_id["facts"])
    bits = np.frombuffer(zlib.decompress(base64.b64decode(by_id["packed-mask"])), np.uint8)
    mask = (
        np.unpackbits(bits)[: facts["rows"] * facts["columns"]]
        .astype(bool)
        .reshape(facts["rows"], facts["columns"])
    )
    layers = {}
    for each in facts["layers"]:
        values = _unpacked(by_id[f"packed-{each['name']}"], each["frames"], each["offset"])
        if each["kind"] == "zones":  # of all pixels
            layers[each["name"]] = values.reshape(-1, *mask.shape)
            continue
        grid = np.full((each["frames"], *mask.shape), np.nan)
        grid[:, mask] = values
        layers[each["name"]] = grid
    return SimpleNamespace(
        path=path, source=source, facts=facts, mask=mask, layers=layers, elements=reader.elements,
        scripts=reader.scripts, text=" ".join(reader.text.replace("\N{NO-BREAK SPACE}", " ").split()),
    )  # fmt: skip


@pytest.fixture(scope="session")
def read_page():
    """Reads a page back: facts, layers in whole steps, elements, text."""
    return _read


@pytest.fixture(scope="session")
def run(write_run_folder, tmp_path_factory):
    """A run with everything."""
    return write_run_folder(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="session")
def page(run):
    """Its page."""
    return _read(write_page(run))


@pytest.fixture
def page_of(write_run_folder, tmp_path):
    """Page of a run with these options of `write_run_folder`; `size` is the largest it may be."""

    def make(size=15_000_000, **options):
        return _read(write_page(write_run_folder(tmp_path / "run", **options), largest=size))

    return make
