"""Files of somebody who means harm."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

Edit = Callable[[Callable[[dict[str, Any]], Any]], Path]


def _saved(value: Any, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _with_weights(folder: Path, content: bytes) -> Path:
    (folder / "weights.pt").write_bytes(content)
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text())
    document["weights"]["pytorch_state_dict"]["sha256"] = None
    file.write_text(yaml.safe_dump(document))
    return folder
