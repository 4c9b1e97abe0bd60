"""The site that `make docs` builds: Sphinx, with pages in Markdown (MyST) and a notebook that runs."""

from __future__ import annotations

from napari_osuda.version import __version__

project = "napari-osuda"
author = "The napari-osuda developers"
copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "Thumbs.db", "results/**/README.md"]

# Pages as they stand on GitHub: links to headings and to files of the repository are checked in both.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# A notebook that fails stops the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_merge_streams = True

# Signatures as they are written; types are told once, in the description.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"

html_theme = "furo"
html_title = f"napari-osuda {release}"
html_favicon = "../napari_osuda/icon.svg"
html_logo = "../napari_osuda/icon.svg"
html_theme_options = {
    "source_repository": "https://github.com/napari-osuda/napari-osuda/",
    "source_branch": "main",
    "source_directory": "docs/",
}
