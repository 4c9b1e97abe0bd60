"""The version of this package: that of the git tag which it was built from."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("napari-osuda")
except PackageNotFoundError:
    # The files alone, as on a path.
    __version__ = "0+unknown"
