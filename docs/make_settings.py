"""Write docs/settings.md: a table of all settings, from what each declares of itself."""

from __future__ import annotations

from pathlib import Path

from napari_osuda.method import AdaptationConfig
from napari_osuda.method.settings import setting_texts

PATH = Path(__file__).parent / "settings.md"


def settings_page(kind: type = AdaptationConfig) -> str:
    """The page, in Markdown."""
    lines = [
        "# All settings",
        "",
        "Given with `--set NAME=VALUE`, in the Adapt panel under *All settings*, or to `AdaptationConfig`.",
        "Kept in `run.json`. The values are defaults; a method (`--method list`) sets others. It is made by",
        "`python docs/make_settings.py`.",
    ]
    for group, members in setting_texts(kind).items():
        lines += ["", f"## {group}", "", "| setting | default | meaning |", "|---|---|---|"]
        for name, text in members.items():
            default, _, meaning = text.partition(": ")
            lines.append(f"| `{name}` | `{default}` | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(settings_page(), encoding="utf-8")
