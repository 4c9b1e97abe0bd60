import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from napari_osuda.errors import OutputError
from napari_osuda.evaluation import evaluate
from napari_osuda.session.report.content import Curves, ReportCase, ReportInput
from napari_osuda.session.report.page import render, write_report

NASTY = "<script>alert('x')</script>&\"'"
REGIONS = {"WT": (1, 4)}


class Page(HTMLParser):
    """The page's elements, and whether each that opens is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.text, self._open = [], [], [], []
        self.images_without_words = 0
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attrs[name] for name in ("href", "src") if name in attrs]
        if (tag == "img" and not attrs.get("alt")) or (
            attrs.get("role") == "img" and not attrs.get("aria-label")
        ):
            self.images_without_words += 1
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def case(name="patient", after=True, **more):
    rng = np.random.default_rng(1)
    image = rng.random((16, 18, 40)).astype(np.float32)
    before = np.zeros(image.shape, dtype=np.uint8)
    for start in (4, 18, 32):
        before[4:9, 4:9, start : start + 5] = 1
    changed = np.roll(before, 2, axis=0) * 4
    reference = np.roll(before, 1, axis=0)
    if after:
        more["scores_before"] = evaluate(before, reference, (1, 1, 1), REGIONS)
        more["scores_after"] = evaluate(changed, reference, (1, 1, 1), REGIONS)
    return ReportCase(name, image, before, changed if after else None, np.eye(4), **more)


def report(*cases, iterations=3, **changes):
    steps = [
        {
            "t": t,
            "eta": 0.5**t,
            "lambda": 10.0 - t,
            "l_hbs": 0.1 * t,
            "l_se": 0.2,
            "loss": 2.0,
            "mean_distance": 0.1,
        }
        | {"fraction_0": 0.9, "fraction_1": 0.1, "fraction_4": 0.0}
        for t in range(iterations)
    ]
    values = np.random.default_rng(0).random((iterations, 5)).astype(np.float32)
    whole = ReportInput(
        title="T2 to FLAIR",
        outcome="done",
        recommendation="accept",
        reasons=("The two masks agree.",),
        cases=cases or (case(),),
        labels={0: "background", 1: "core", 4: "rim"},
        colors={1: "#e69f00", 4: "#56b4e9"},
        regions=REGIONS,
        curves=Curves(steps, values, values, ("encoder.0.norm", "decoder.0.norm"), (0, 2, 5)),
        settings={"iterations": iterations},
        provenance={"version": "0.1.0", "inputs": [{"path": "a.nii.gz", "sha256": "0" * 64}]},
    )
    return dataclasses.replace(whole, **changes)


def test_the_page_says_all_that_it_was_given(tmp_path):
    path = tmp_path / "run" / "report.html"
    write_report(path, report())
    page = Page(path.read_text(encoding="utf-8"))
    text = " ".join(page.text)
    for said in (
        "T2 to FLAIR",
        "Use the adapted mask",
        "The two masks agree.",
        "not a medical device",
        "Case patient",
        "Slices that changed most",
        "Volumes, ml",
        "Against the reference",
        "encoder.0.norm",
        "a.nii.gz",
        "0" * 64,
    ):
        assert said in text
    assert page.images_without_words == 0
    assert [path.name for path in path.parent.iterdir()] == ["report.html"]


def test_nothing_comes_from_outside_and_nothing_runs():
    written = render(report())
    page = Page(written)
    assert page.addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in written
    assert "@import" not in written
    assert "default-src 'none'" in written.replace("&#x27;", "'")


def test_names_cannot_break_the_page():
    nasty = report(
        case(NASTY, image_name=NASTY, decision="accept", reasons=[NASTY]),
        case("other", final=case().before),
        title=NASTY,
        outcome=NASTY,
        reasons=(NASTY,),
        notes=(NASTY,),
        labels={0: "background", 1: NASTY, 4: "rim"},
        regions={NASTY: (1,)},
        curves=dataclasses.replace(report().curves, layer_names=(NASTY, "b")),
        settings={NASTY: NASTY},
        provenance={NASTY: [{NASTY: NASTY}]},
    )
    written = render(nasty)
    page = Page(written)
    assert "script" not in page.tags
    assert "".join(page.text).count(NASTY) >= 12


@pytest.mark.parametrize("outcome", ["stopped", "failed"])
def test_a_run_without_adapted_masks_is_still_reported(outcome):
    written = render(
        report(
            case(after=False),
            iterations=0,
            outcome=outcome,
            recommendation=None,
            reasons=(),
            notes=("Disk full.",),
        )
    )
    text = " ".join(Page(written).text)
    assert "No recommendation" in text
    assert "Disk full." in text
    assert "there is no adapted mask" in text
    assert "No iteration was run" in text
    assert "Against the reference" not in text


def test_several_cases_get_a_summary_and_their_own_recommendation():
    two = (
        case("a", decision="keep-source", reasons=["It is elsewhere."]),
        case("b", decision="accept"),
    )
    text = " ".join(Page(render(report(*two, recommendation="keep-source"))).text)
    assert text.count("Use the original mask") == 2
    assert "All cases against their references" in text
    assert "All cases against their references" not in " ".join(Page(render(report())).text)


def test_ids_are_unique_and_many_cases_show_fewer_slices():
    written = render(report(*(case(str(n)) for n in range(5))))
    ids = re.findall(r' id="([^"]*)"', written)
    assert len(ids) == len(set(ids)) == 5 * 2
    assert len(re.findall(r' id="([^"]*)"', render(report()))) == 3
    assert set(re.findall(r'href="#([^"]*)"', written)) == set(ids)


def test_rows_read_back_from_a_csv_are_as_good():
    curves = report().curves
    rows = [{key: str(value) for key, value in row.items()} for row in curves.steps]
    assert render(report(curves=dataclasses.replace(curves, steps=rows))) == render(report())


def test_where_neither_mask_is_to_be_trusted_that_is_the_headline():
    text = " ".join(Page(render(report(recommendation="neither"))).text)
    assert "Trust neither mask: mark by hand" in text
    assert "Use the adapted mask" not in text


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"report\.html.*cannot be written"):
        write_report(tmp_path / "file" / "report.html", report())
