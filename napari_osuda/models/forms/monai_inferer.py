"""How a MONAI bundle goes over an image that is larger than its network's, in terms of the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_osuda.errors import ModelError
from napari_osuda.models.forms.monai_config import BundleConfig

__all__ = ["describe_inferer"]

# Arguments that change neither the windows nor their weights; and what MONAI takes where one is not given.
_ASIDE = frozenset({
    "sw_batch_size", "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh", "buffer_steps",
    "buffer_dim", "with_coord", "spatial_dim", "sigma_scale", "padding_mode", "cval",
})  # fmt: skip
_DEFAULTS = {"sigma_scale": 0.125, "padding_mode": "constant", "cval": 0}
_MOST_OVERLAP = 0.9
_PLANES = {"R": "sagittal", "L": "sagittal", "A": "coronal", "P": "coronal", "S": "axial", "I": "axial"}


def describe_inferer(config: BundleConfig, dims: int, said: dict[str, Any]) -> tuple[str, ...]:
    """Windows, their overlap and weights into ``said``; gives what the user should know.

    Parameters
    ----------
    config : BundleConfig
    dims : int
        Spatial axes of the network.
    said : dict
        Fields of the card; ``orientation`` is there already where the bundle states it.
    """
    inferer = config.mapping("inferer")
    kind = "" if inferer is None else str(inferer.get("_target_", "")).rpartition(".")[2]
    if inferer is None or kind not in ("SlidingWindowInferer", "SliceInferer", "SlidingWindowInfererAdapt"):
        if dims == 2:
            return ()
        return ("The bundle gives whole images to its network; here they go through it in windows.",)
    values, unread = _arguments(config, inferer)
    size = _window(values.pop("roi_size", None), dims)
    if size is None:
        return ("The size of the bundle's windows (roi_size) is not readable. Answer from its page.",)
    if dims == 2:
        said["window"] = said["minimum"] = size
        if kind == "SliceInferer":
            _slices_along(values.get("spatial_dim", 0), said)
    else:
        said["size"] = size
    overlap, how = values.pop("overlap", 0.25), values.pop("mode", "constant")
    if isinstance(overlap, list) and len(set(map(str, overlap))) == 1:
        overlap = overlap[0]
    told = [key for key in unread if key not in _ASIDE]
    if isinstance(overlap, int | float) and not isinstance(overlap, bool) and 0 <= overlap <= _MOST_OVERLAP:
        said["overlap"] = float(overlap)
    else:
        told.append("overlap")
    if how in ("gaussian", "constant"):
        said["windows"] = how
    else:
        told.append("mode")
    told += [key for key, usual in _DEFAULTS.items() if values.get(key, usual) != usual]
    told += [key for key in values if key not in _ASIDE]
    if not told:
        return ()
    listed = ", ".join(dict.fromkeys(str(key)[:30] for key in told[:8]))
    return (f"How the bundle's windows overlap ({listed}) is not done here; MONAI's usual way is taken.",)


def _arguments(config: BundleConfig, inferer: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    values, unread = {}, []
    for key, value in inferer.items():
        if str(key).startswith("_"):
            continue
        try:
            values[str(key)] = config.resolved(value, f"inferer.{key}")
        except ModelError:
            unread.append(str(key))
    return values, unread


def _window(size: Any, dims: int) -> tuple[int, ...] | None:
    if not isinstance(size, list) or len(size) != dims:
        return None
    return tuple(size) if all(type(n) is int and 0 < n <= 4096 for n in size) else None


def _slices_along(axis: Any, said: dict[str, Any]) -> None:
    orientation = str(said.get("orientation", ""))
    if type(axis) is int and 0 <= axis < len(orientation) == 3 and orientation[axis].upper() in _PLANES:
        said["plane"] = _PLANES[orientation[axis].upper()]
