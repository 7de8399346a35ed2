"""The documentation site.

    pip install -e '.[docs]' && sphinx-build --fail-on-warning docs build/site   # then open build/site/index.html

Its pages load nothing from the network: formulas become MathML when the site is built, and search is Sphinx's own.
"""

import os
import sys
import tomllib
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_site"), str(DOCS.parent)]

import blocks  # noqa: E402
import docstrings  # noqa: E402
import generated  # noqa: E402
import links  # noqa: E402
import mathml  # noqa: E402
import pictures  # noqa: E402
import played  # noqa: E402

import cnnzoo  # noqa: E402

settings = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = "cnnzoo"
author = "the authors of cnnzoo"
copyright = "the authors of cnnzoo, Apache-2.0"
version = release = cnnzoo.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_site", "Thumbs.db", ".DS_Store"]
nitpicky = True  # a name that leads nowhere is a warning, and warnings are errors
smartquotes = False  # `--option` in a sentence is typed as it stands
default_role = "code"  # docstrings write `name`, as Markdown does

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style")]  # as Keras has it
napoleon_preprocess_types = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
copybutton_selector = "div:not(.output) > div.highlight > pre"

html_theme = "pydata_sphinx_theme"
html_title = f"cnnzoo {release}"
html_static_path = ["_site/static"]
html_extra_path = ["_site/extra"]  # nets that one can touch
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_sidebars = {"install": [], "results/*": [], "search": [], "genindex": []}  # with nothing, or one entry, in them
html_theme_options = {
    "logo": {"text": html_title},
    "navigation_with_keys": False,
    "header_links_before_dropdown": 8,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if versions := os.environ.get("CNNZOO_DOCS_VERSIONS"):  # where it is published: the address of the list of versions
    html_theme_options |= {
        "switcher": {"json_url": versions, "version_match": os.environ.get("CNNZOO_DOCS_VERSION", release)},
        "navbar_end": ["version-switcher", "theme-switcher"],
        "check_switcher": False,
    }


def setup(app) -> None:
    """Write the generated pages, and teach Sphinx formulas and links of our own."""
    generated.write(DOCS)
    played.write()
    blocks.setup(app)
    docstrings.setup(app)
    mathml.setup(app)
    pictures.setup(app)
    links.setup(app, settings.get("urls", {}).get("Repository", ""))
