"""``python -m napari_osuda`` is the command line."""

import sys

from napari_osuda.cli import main

sys.exit(main())
