"""How `make docs` turns the pages of this repository into a site.

The source folder is the top of the repository: README, CONTRIBUTING and the READMEs of the examples are pages like
those in docs/, and their links to each other mean the same on the forge, in an editor and on the site. Files that are
no pages (notebooks, catalogs) become downloads.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import poml_map  # noqa: E402

project = "poml_map"
author = copyright = "The poml_map developers"
release = version = poml_map.__version__

extensions = [
    "myst_parser",  # the pages are Markdown
    "sphinx.ext.autodoc",  # the Python reference is the docstrings
    "numpydoc",  # which are written in numpydoc's form
    "sphinx_copybutton",  # a button beside each block of code
    "pages",  # toctree from index.md, links to folders (docs/_ext)
    "reference",  # reference pages from the program's own schema (docs/_ext)
]
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**.md", "examples/*/README.md"]
# Folders that are not looked into at all.
exclude_patterns = [
    ".*",
    "build",
    "demo",
    "run",
    "poml_map",
    "tests",
    "benchmarks",
    "notebooks",
    "**/node_modules",
]
nitpicky = True
default_role = "code"  # `name` in docstrings

myst_enable_extensions = ["deflist"]  # keys and options of the reference
myst_heading_anchors = 4

autodoc_typehints = "none"  # the docstrings give types with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"poml_map {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style, pygments_dark_style = "friendly", "monokai"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

# `make docs-links` alone asks servers; these addresses are examples, not links.
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1|10\.|example\.(org|com))"]
linkcheck_timeout, linkcheck_retries, linkcheck_workers = 30, 2, 4
