"""The review as a new user meets it: open a sample, adapt, review ten slices, save, reopen.

Every step is a real mouse or key event on a real window; clicks are counted from the opened volume to the
saved mask, and each step leaves a picture in docs/images.

    sh tools/with-display.sh .venv/bin/python docs/make_review_story.py
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import napari
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest

from napari_osuda.widgets.review.words import REPORT_DONE

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from hand import Hand, panel

IMAGES = Path(__file__).parent / "images"


def tell_story(theme: str, work: Path, pictures: Path, iterations: int | None) -> dict[str, int]:
    """Go through it once."""
    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    story = Hand(viewer, pictures, theme, "review")
    story.window.resize(1600, 1000)
    viewer.open_sample("napari-osuda", "low-grade")
    QTest.qWait(200)
    story.picture("1-opened")

    story.menu("Plugins", "OSUDA", "OSUDA: Adapt")
    story.wait(lambda: panel(viewer, "OSUDA: Adapt"), "the Adapt panel")
    adapt = panel(viewer, "OSUDA: Adapt")
    adapt.folder_panel.set_parent_folder(work)
    if iterations is not None:
        adapt.settings_panel.set_values(iterations=iterations)
    story.choose(adapt.model_panel.combo, "four contrasts")
    story.wait(adapt.run_panel.adapt_button.isEnabled, "the model")
    story.click(adapt.run_panel.adapt_button)
    story.wait(lambda: adapt.run_panel.state in ("done", "failed"), "the run", 900)
    if adapt.run_panel.state == "failed":
        raise RuntimeError(adapt.run_panel.label.text())
    story.picture("2-adapted")

    story.click(adapt.outcome_panel.review_button)
    story.wait(lambda: panel(viewer, "OSUDA: Review"), "the Review panel")
    review = panel(viewer, "OSUDA: Review")
    story.wait(lambda: review.review is not None, "the run under review")
    story.picture("3-overlay")
    to_open = story.clicks

    for place in range(10):
        story.press(Qt.Key.Key_K if place in (3, 7) else Qt.Key.Key_A)
    story.press(Qt.Key.Key_S)
    story.picture("4-side-by-side")
    story.press(Qt.Key.Key_D)
    story.picture("5-difference")
    story.press(Qt.Key.Key_I)
    log = len(review.review.log)
    story.stroke(review.layers.layers["final"])
    story.wait(lambda: len(review.review.log) == log + 1, "the stroke on the record", 20)
    story.picture("6-edited")
    story.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    story.press(Qt.Key.Key_I)
    story.press(Qt.Key.Key_R)

    story.clicks = to_open
    story.click(review.page.decide.rest_after)
    story.answer("Use adapted")
    # Once all is decided only the name is missing, and the keyboard is for it.
    story.type(review.page.name, "A. Reader")
    story.keys += 1
    QTest.keyClick(review.page.name, Qt.Key.Key_Return)
    if story.asked:
        story.answer("Save and sign")
    story.wait(lambda: REPORT_DONE in review.page.note.text(), "the report")
    story.picture("7-saved")
    counted = {"clicks": story.clicks}

    folder, mask = review.run.folder, review.review.final.copy()
    viewer.close()
    QTest.qWait(200)
    again = napari.Viewer(show=True)
    again.theme = theme
    story = Hand(again, pictures, theme, "review")
    story.window.resize(1600, 1000)
    again.open(str(folder), plugin="napari-osuda")
    story.wait(lambda: panel(again, "OSUDA: Review"), "the Review panel of the reopened folder")
    review = panel(again, "OSUDA: Review")
    story.wait(lambda: review.review is not None, "the reopened run")
    assert (review.review.final == mask).all(), "the reopened mask is another one"
    story.picture("8-reopened")
    record = json.loads((folder / "review.json").read_text(encoding="utf-8"))
    counted["decisions"] = sum(len(case["log"]) for case in record["cases"].values())
    again.close()
    return counted


def main() -> int:
    """Tell it in each theme."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--theme", action="append", choices=("dark", "light"))
    options.add_argument("--out", type=Path, default=IMAGES)
    options.add_argument("--iterations", type=int, default=None, help="fewer, for a quick try")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        QSettings.setPath(
            QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(Path(work) / "settings")
        )
        for theme in given.theme or ("dark", "light"):
            counted = tell_story(theme, Path(work) / theme, given.out, given.iterations)
            print(f"{theme}: {counted['clicks']} clicks from the opened volume to the saved mask; "
                  f"{counted['decisions']} acts on the record")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
