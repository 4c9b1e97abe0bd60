"""What the fuzzers share: spoiling files and documents, trying what is spoiled, and the table of it.

A try counts as a traceback where anything but an error of ours comes out, as unforeseen where only the last
net under the readers caught it or the sentence could not be shown, as slow where it took more than 10 s, and
as large where the process took more than three times the memory of the honest file.
"""

from __future__ import annotations

import argparse
import collections
import copy
import gc
import json
import math
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_osuda.errors import OsudaError

# Of this process's own time; of a clock, for what waits, so many more that a busy machine does not count.
SECONDS, WAITING = 10, 120
# Three times the honest memory, and so much for what a library takes at its first use.
_TIMES, _FIRST_USE_MB = 3, 64
FAULTS = ("unforeseen", "traceback", "slow", "large")
NASTY: list[Any] = [
    None, True, False, -1, 0, 1, 2.5, 3, 256, 4097, 10**9, 10**30, -(10**18), math.nan, math.inf, "",
    " ", "0", "²", "t1", "../../evil", "/etc/passwd", "a" * 5000, "\x1b[31mred\x07", "\u202efdp", "\ud800",
    "@network_def", "@network_def::channels::9", "$__import__('os').system('true')", "%x", "torch.nn.Conv2d",
    "os.system", "https://example.org/w.pt", [], {}, [[]], [None], [1, "a", None], {"": None},
    {"a": {"b": [1, 2]}}, [[[[[[[[[[1]]]]]]]]]], [0] * 2000, {str(i): i for i in range(600)},
    ["batch", {"affine": "yes"}],
]  # fmt: skip


class Hang(BaseException):
    """A try that took too long."""


def _hang(*_: Any) -> None:
    raise Hang


_TIMERS = ((signal.SIGPROF, signal.ITIMER_PROF, SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, WAITING))


# -- spoiling


def mutated(document: Any, chance: random.Random) -> Any:
    """A document with one to four of its values replaced, removed, doubled or moved."""
    document = json.loads(json.dumps(document))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(document))
        if not places:
            break
        owner, key = chance.choice(places)
        act = chance.random()
        if act < 0.7:
            owner[key] = copy.deepcopy(chance.choice(NASTY))
        elif act < 0.8:
            del owner[key]
        elif act < 0.9:
            other, taken = chance.choice(places)
            if taken in other if isinstance(other, dict) else taken < len(other):
                owner[key] = json.loads(json.dumps(other[taken]))
        else:
            owner[key] = [owner[key]] * chance.choice((0, 2, 300))
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(inner):
        yield value, key
        yield from _places(child)


def scrambled(content: bytes, chance: random.Random, opening: int = 400) -> bytes:
    """A file with some of its bytes flipped, cut off, doubled or put in; most often in its first and last."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        act, at = chance.random(), chance.randrange(max(len(found), 1))
        # The directories of archives and the openings of files decide most.
        if chance.random() < 0.5:
            at = chance.choice(
                (chance.randrange(min(opening, len(found) or 1)), max(len(found) - 1 - at % 900, 0))
            )
        if act < 0.6 and found:
            found[at] = chance.choice((chance.randrange(256), 0, 0x7F, 0x80, 0xFF))
        elif act < 0.75:
            del found[at:]
        elif act < 0.9:
            found[at:at] = chance.randbytes(chance.choice((1, 8, 200)))
        else:
            found[at:at] = found[at : at + 300]
    return bytes(found)


def spoil_bytes(file: Path, chance: random.Random) -> None:
    """Scramble a file."""
    file.write_bytes(scrambled(file.read_bytes(), chance))


# -- trying


@dataclass
class Tally:
    """What came of the tries of one form."""

    form: str
    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest: float = 0.0
    honest_mb: float = 0.0
    largest_mb: float = 0.0
    _seen: set[str] = field(default_factory=set)

    def honest(self, action: Callable[[], object], times: int = 2) -> None:
        """Carry out an action on the honest file: it has to succeed, and gives the memory to measure by."""
        for _ in range(times):
            peak = _Peak()
            action()
            self.honest_mb = max(self.honest_mb, peak.megabytes())
        # What is there by now stays; collecting what a try leaves takes no time then.
        gc.collect()
        gc.freeze()

    def attempt(self, action: Callable[[], object], name: str) -> None:
        """Carry out an action on a spoiled file and count what comes of it; tells once of each fault."""
        peak, began = _Peak(), time.process_time()
        kind, trouble = _outcome(action)
        self.slowest = max(self.slowest, time.process_time() - began)
        grown = peak.megabytes()
        self.largest_mb = max(self.largest_mb, grown)
        if grown > _TIMES * self.honest_mb + _FIRST_USE_MB and kind != "slow":
            kind, trouble = "large", f"it took {grown:.0f} MB and the honest one {self.honest_mb:.0f} MB"
        self.counts[kind] += 1
        if trouble and trouble not in self._seen:
            self._seen.add(trouble)
            print(f"{self.form}, {name}: {kind}: {trouble}", file=sys.stderr, flush=True)

    @property
    def faults(self) -> int:
        """Tries that ended in anything but success or a sentence."""
        return sum(self.counts[kind] for kind in FAULTS)


def _outcome(action: Callable[[], object]) -> tuple[str, str]:
    """Carry out an action; what came of it, and for people who mend it, where."""
    for number, timer, most in _TIMERS:
        signal.signal(number, _hang)
        signal.setitimer(timer, most)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            action()
        return "loaded", ""
    except OsudaError as error:
        text = str(error)
        if error.__cause__ is not None and "something in its files is not as it should be" in text:
            return "unforeseen", "".join(traceback.format_exception(error.__cause__)[-3:])
        if not text.replace("\n", "").isprintable() or not 0 < len(text) <= 5000:
            return "unforeseen", f"no sentence to show: {text[:300]!r}"
        return "sentence", ""
    except Hang:
        return "slow", "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
    except Exception:
        return "traceback", "".join(traceback.format_exc().splitlines(keepends=True)[-8:])
    finally:
        for _, timer, _ in _TIMERS:
            signal.setitimer(timer, 0)


class _Peak:
    """How much the memory of this process grew at its peak, from now on."""

    def __init__(self) -> None:
        self._resets = self._reset()
        self._before = self._now()

    def megabytes(self) -> float:
        """At its peak since it was made."""
        return max(self._highest() - self._before, 0) / 1024

    @staticmethod
    def _reset() -> bool:
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return False
        return True

    def _now(self) -> float:
        return _status("VmRSS") if self._resets else self._highest()

    def _highest(self) -> float:
        return _status("VmHWM") if self._resets else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _status(name: str) -> float:
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith(name))
    return float(line.split()[1])


# -- telling


def main(
    doc: str, forms: Sequence[str], run: Callable[[str, int, int], Tally], title: str, count: int = 200
) -> int:
    """The command line of a fuzzer: exit with 1 where anything but sentences came out."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=count, help="spoiled ones of each form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forms", nargs="*", default=list(forms), choices=list(forms))
    parser.add_argument("--table", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    lines = [
        "| form | tried | sentence | loaded | unforeseen | traceback | over 10 s | too large | slowest, s "
        "| memory, MB (honest) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    wrong = 0
    for form in options.forms:
        tally = run(form, options.count, options.seed)
        wrong += tally.faults
        counts = " | ".join(f"{tally.counts[key]:,}" for key in ("sentence", "loaded", *FAULTS))
        lines.append(
            f"| {form} | {tally.counts.total():,} | {counts} | {tally.slowest:.1f} "
            f"| {tally.largest_mb:.0f} ({tally.honest_mb:.0f}) |"
        )
        print(lines[-1], flush=True)
    if options.table is not None:
        intro = f"{' '.join(doc.split(chr(10) * 2)[0].split())} Made by `{_command()}`."
        options.table.write_text(f"# {title}\n\n{intro}\n\n" + "\n".join(lines) + "\n")
    return int(wrong > 0)


def _command() -> str:
    at = sys.argv.index("--table") if "--table" in sys.argv else len(sys.argv)
    return " ".join(["python", f"tools/{Path(sys.argv[0]).name}", *sys.argv[1:at], *sys.argv[at + 2 :]])
