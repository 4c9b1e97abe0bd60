"""A short run, and the files that it leaves."""

from __future__ import annotations

from napari_osuda.method import preset

SHORT = preset("osuda", iterations=4, batch_size=4, fallback=False)


def files(folder) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
