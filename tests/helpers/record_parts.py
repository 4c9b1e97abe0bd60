"""A record that is written again."""

from __future__ import annotations

import json


def rewrite(folder, record):
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
