"""The intensity curve on the sample patient, ``docs/images/curve.png``.

A slice as it is and through the curve, each with the outline of the source network's mask, and the curve over
the histogram of the head. Curve and masks are those of a run; nothing is drawn by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from napari_osuda import load_model, read_case
from napari_osuda.imaging import Knots, SliceStack, read_labels
from napari_osuda.method import main_output, preset, probabilities
from napari_osuda.models import decide
from napari_osuda.session import Run, Started, slice_spec
from napari_osuda.session.api import make_job
from napari_osuda.session.events import IntensityChange
from napari_osuda.simulation.shipped import sample_models, sample_patients

MODEL, PATIENT, CHANNEL = "whole-tumour-t2", "high-grade-other-contrasts", "flair"
OUT = Path(__file__).parent / "images" / "curve.png"
SIDE, GAP = 360, 12
# Standard scores from which black and white are made, and those that the plot shows.
WINDOW, SHOWN = (-2.5, 3.0), (-3.0, 4.0)
RED, BLUE, GRAY, LIGHT = (230, 60, 40), (30, 100, 200), (140, 140, 140), (205, 205, 205)

Plane = npt.NDArray[np.float32]


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    model, patient = load_model(sample_models()[MODEL]), sample_patients()[PATIENT]
    case = read_case({model.card.channels[0]: patient.images[CHANNEL]}, model.card.channels)
    run = Run(make_job(model, case, preset("contrast-only"), device="cpu"))
    change = next(event.intensities[0] for event in run if isinstance(event, Started))
    areas = (read_labels(patient.reference)[0] != 0).sum(axis=(0, 1))
    panels = []
    for knots in (None, Knots(tuple(change.scores.tolist()), tuple(change.now.tolist()))):
        spec = dataclasses.replace(slice_spec(model.card), intensity_maps=(knots,) if knots else None)
        x = torch.from_numpy(SliceStack(case, spec).slices([int(areas.argmax())]))
        with torch.inference_mode():
            p = probabilities(main_output(model.network.eval()(x)), model.card.activation)
        panels.append(outlined(x[0, 0].numpy(), decide(p.numpy(), model.card)[0]))
    panels.append(plot(change))
    picture = Image.new("RGB", (3 * SIDE + 2 * GAP, SIDE), "white")
    for k, panel in enumerate(panels):
        picture.paste(panel, (k * (SIDE + GAP), 0))
    picture.quantize(256).save(options.out, optimize=True)
    print(f"{options.out} {options.out.stat().st_size // 1000} kB")


def outlined(plane: Plane, labels: npt.NDArray[np.uint8]) -> Image.Image:
    """An axial slice with the front up and the patient's right on the left, its mask as a red line."""
    low, high = WINDOW
    gray = (np.clip((plane - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    seen = Image.fromarray(gray.T[::-1, ::-1].copy()).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    mask = Image.fromarray((labels != 0).astype(np.uint8).T[::-1, ::-1].copy() * 255)
    inside = np.asarray(mask.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) > 127
    core = inside.copy()
    for axis in (0, 1):
        for by in (-2, 2):
            core &= np.roll(inside, by, axis)
    colored = np.stack([np.asarray(seen)] * 3, axis=-1)
    colored[inside & ~core] = RED
    return Image.fromarray(colored)


def plot(change: IntensityChange) -> Image.Image:
    """The curve over the histogram of the head, both axes in standard scores."""
    panel = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(panel)
    edge = 30

    def at(x: float, y: float) -> tuple[float, float]:
        low, high = SHOWN
        scale = (SIDE - 2 * edge) / (high - low)
        return edge + (x - low) * scale, SIDE - edge - (y - low) * scale

    tallest = 2.0 / float(change.share.max())
    width = float(change.scores[1] - change.scores[0])
    for score, share in zip(change.scores.tolist(), change.share.tolist(), strict=True):
        if SHOWN[0] < score < SHOWN[1]:
            left, top = at(score - width / 2, SHOWN[0] + share * tallest)
            right, bottom = at(score + width / 2, SHOWN[0])
            draw.rectangle((left, top, right, bottom), fill=LIGHT)
    draw.line([at(SHOWN[0], SHOWN[0]), at(SHOWN[1], SHOWN[1])], fill=GRAY)
    points = [
        at(x, y)
        for x, y in zip(change.scores.tolist(), change.now.tolist(), strict=True)
        if SHOWN[0] <= x <= SHOWN[1] and SHOWN[0] <= y <= SHOWN[1]
    ]
    draw.line(points, fill=BLUE, width=3)
    draw.rectangle((edge, edge, SIDE - edge, SIDE - edge), outline=GRAY)
    draw.text((SIDE / 2, SIDE - edge + 6), "before (standard deviations)", fill="black", anchor="ma")
    draw.text((edge, edge - 6), "after (standard deviations)", fill="black", anchor="ls")
    return panel


if __name__ == "__main__":
    main()
