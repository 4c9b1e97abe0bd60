import math

import pytest

from napari_osuda.session.report.html import Markup, join, number, table, tag


def test_text_and_attributes_are_escaped_and_markup_is_not():
    written = tag("p", '<script> & "quotes"', tag("b", "bold"), None, title="\"><img src='x'>", class_="a")
    assert written == (
        '<p title="&quot;&gt;&lt;img src=&#x27;x&#x27;&gt;" class="a">'
        "&lt;script&gt; &amp; &quot;quotes&quot;<b>bold</b></p>"
    )
    assert isinstance(written, Markup)


def test_names_of_attributes():
    assert tag("line", x1=1, stroke_width=2, viewBox="0 0", fill=None) == (
        '<line x1="1" stroke-width="2" viewBox="0 0"></line>'
    )
    assert tag("meta", name="viewport") == '<meta name="viewport">'


def test_control_characters_do_not_reach_the_page():
    assert join(["a\x00b\x1b\n"]) == "a\\x00b\\x1b\n"


def test_a_table_names_its_rows_and_columns():
    written = table("Volumes", ["", "ml"], [("a<b", "1.00")])
    assert '<th scope="col">ml</th>' in written
    assert '<th scope="row">a&lt;b</th><td>1.00</td>' in written
    assert "<caption>Volumes</caption>" in written


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (1234.5, False, "1,234.50"),
        (-0.5, False, "−0.50"),
        (0.5, True, "+0.50"),
        (-0.001, True, "0.00"),
        (math.inf, False, "–"),
        (math.nan, True, "–"),
        (None, False, "–"),
    ],
)
def test_numbers(value, signed, text):
    assert number(value, signed=signed) == text
