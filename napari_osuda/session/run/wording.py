"""The sentences of a run's notes: every one that a person may read while and after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_osuda.imaging import IntensityMap, Knots, MapName
from napari_osuda.session.notes import Note, NoteKind

__all__ = [
    "choice",
    "collapse",
    "contrast_as_set",
    "contrast_contradicted",
    "contrast_converted",
    "contrast_mixed",
    "contrast_recognized",
    "contrast_unnamed",
    "contrast_worse",
    "fallback",
    "memory",
    "no_repeat",
    "nothing_changed",
    "resumed",
    "small_batches",
    "stopped",
]


_MADE: Mapping[MapName, str] = {
    "inverted": "bright and dark are exchanged",
    "fluid_bright": "free fluid is made bright",
    "both_bright": "what is darker than brain is made bright, as what enhances is",
}


def _made(how: IntensityMap) -> str:
    return "its brightness was converted by a curve" if isinstance(how, Knots) else _MADE[how]


def small_batches(held: int, asked: int) -> Note:
    """Fewer patches a batch than asked for, because of memory."""
    patches = "1 patch" if held == 1 else f"{held} patches"
    return Note(
        NoteKind.SMALL_BATCHES,
        f"Each batch has {patches} instead of {asked}: patches of this size need much memory.",
    )


def no_repeat(iterations: int, batches: int) -> Note:
    """Self-training compares a batch with its own earlier predictions, and there are none."""
    return Note(
        NoteKind.NO_REPEAT,
        f"Self-training has no effect here: in {iterations} iterations none of the {batches} batches is used "
        "twice. Raise iterations or batch_size.",
    )


def contrast_as_set(how: IntensityMap) -> Note:
    """The setting names the map, whatever the images are called."""
    return Note(NoteKind.CONTRAST, f"As set, {_made(how)} in every image before the network sees it.")


def contrast_converted(channels: Sequence[tuple[str, str, IntensityMap]]) -> Note:
    """Images of other contrasts are changed; ``channels`` has channel, contrast by name, and map."""
    parts = [
        f"{name} is used in place of {channel.upper()}, so {_made(how)}"
        for channel, name, how in channels
        if how != "identity"
    ]
    return Note(
        NoteKind.CONTRAST, f"{'; '.join(parts)} before the network sees it. contrast=off leaves it as it is."
    )


def contrast_contradicted(
    channels: Sequence[tuple[str, str, IntensityMap]], plain: float, mapped: float
) -> Note:
    """The statistics contradict the name: mean d_lc as it is, and with the map."""
    return Note(
        NoteKind.CONTRAST,
        f"The name says {_named(channels)}, but the image as it is fits the model far better: mean distance "
        f"{plain:.2f}, with its contrast changed {mapped:.2f}. It was left as it is.",
    )


def contrast_worse(channels: Sequence[tuple[str, str, IntensityMap]], lost: float) -> Note:
    """The mask contradicts the name: with the map so much less Dice is expected of it."""
    return Note(
        NoteKind.CONTRAST,
        f"The name says {_named(channels)}, but the model's mask is probably better on the image as it is. "
        f"With its contrast changed, the expected Dice is {lost:.2f} lower. It was left as it is.",
    )


def _named(channels: Sequence[tuple[str, str, IntensityMap]]) -> str:
    return ", ".join(name for _, name, how in channels if how != "identity")


def contrast_unnamed(name: str, channel: str, plain: float, mapped: float) -> Note:
    """No name tells the contrast, and the image looks inverted."""
    return Note(
        NoteKind.CONTRAST,
        f"'{name}' does not say which contrast it is. The model fits it far better with bright and dark "
        f"exchanged: mean distance {mapped:.2f}, as it is {plain:.2f}. If it is not {channel.upper()}, put "
        "its contrast into its name, or set contrast=inverted.",
    )


def contrast_recognized(channel: str, how: IntensityMap) -> Note:
    """No name tells the contrast, and the image looks like another than the network knows."""
    return Note(
        NoteKind.CONTRAST,
        f"The image does not look like {channel.upper()}, so {_made(how)} before the network sees it. "
        f"If it is {channel.upper()}, use contrast=off.",
    )


def contrast_mixed(cases: Sequence[str]) -> Note:
    """The cases' names ask for different maps, of which one network can have but one."""
    kinds = " and ".join(f"'{name}'" for name in cases)
    return Note(
        NoteKind.CONTRAST,
        f"By their names, the images of {kinds} are of different contrasts. One run treats all images alike, "
        "so they were left as they are. Adapt to each contrast in its own run.",
    )


def resumed(done: int, total: int) -> Note:
    """A run is taken up again."""
    return Note(NoteKind.RESUMED, f"Resumed after iteration {done} of {total}.")


def stopped(done: int, total: int) -> Note:
    """A person has stopped the training."""
    return Note(NoteKind.STOPPED, f"Stopped after iteration {done} of {total}.")


def nothing_changed() -> Note:
    """A person has stopped the making of an earlier iteration's result."""
    return Note(NoteKind.STOPPED, "Stopped. The result has not changed.")


def memory(iteration: int, size: int, volumes: bool) -> Note:
    """Memory ran out in a step, which is taken again with smaller batches."""
    what = "patches" if volumes else "slices"
    return Note(
        NoteKind.MEMORY,
        f"Memory ran out at iteration {iteration}: the run continues with batches of {size} {what}.",
    )


def collapse(text: str) -> Note:
    """The guard has ended the training; ``text`` is the guard's own."""
    return Note(NoteKind.COLLAPSE, text)


def fallback(text: str) -> Note:
    """The guard prefers another result to the trained model's; ``text`` is the guard's own."""
    return Note(NoteKind.FALLBACK, text)


def choice(iteration: int, total: int) -> Note:
    """A person has chosen the iteration."""
    return Note(NoteKind.CHOICE, f"A person chose the result of iteration {iteration} of {total}.")
