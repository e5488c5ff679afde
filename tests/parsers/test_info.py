"""The grammar of info replies."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.parsers import info

TEXT = st.text(alphabet="ab=:;\t\n -0٣1_é", max_size=60)


def test_replies_are_matched_by_name_and_what_is_left_out_is_missing() -> None:
    asked = ("node", "empty", "build", "edition")
    text = "build\t8.1\nnode\tBB9\nempty\t\n"
    assert info.replies(text, asked) == ({"build": "8.1", "node": "BB9", "empty": ""}, [])
    assert info.replies("", asked) == ({}, [])


def test_the_first_echo_counts_and_a_line_that_answers_nothing_is_told() -> None:
    text = "build\t8.1\nbuild\t5.0\nnode\tBB9\nstray\nghost\tx\n"
    assert info.replies(text, ("build", "node")) == (
        {"build": "8.1", "node": "BB9"},
        ["build\t5.0", "stray", "ghost\tx"],
    )


def test_a_command_that_is_asked_alone_has_all_that_follows_its_echo() -> None:
    text = "sets/a\tns=a:set=x\nsets/a\ty:objects=1;\n"
    assert info.replies(text, ["sets/a"]) == ({"sets/a": "ns=a:set=x\nsets/a\ty:objects=1;"}, [])
    assert info.replies("another\tx\n", ["sets/a"]) == ({}, ["another\tx"])


@pytest.mark.parametrize(
    "complaint",
    [
        "ERROR:4:unrecognized command",
        "ERROR::timeout",
        "Error::invalid id None",
        "error",
        "FAIL:201:no-index",
        "FAIL:4:Namespace Not Specified",
        "error-unknown-hist-name",
        "type=unknown",
        "ns_type=unknown",
    ],
)
def test_every_release_s_way_to_complain_is_known(complaint: str) -> None:
    assert info.error(complaint) == complaint


@pytest.mark.parametrize("answer", ["", "ok", "errors=1", "objects=1;type=unknown2", "ns=error:set=x"])
def test_an_answer_is_no_complaint(answer: str) -> None:
    assert info.error(answer) is None


def test_a_value_may_hold_an_equals_sign() -> None:
    assert info.fields("file=/data/a=b.dat;x=1;") == {"file": "/data/a=b.dat", "x": "1"}


def test_an_item_without_a_value_is_named() -> None:
    with pytest.raises(ParseError, match="'rubbish'"):
        info.fields("a=1;rubbish;b=2")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", " 1", "1_000", "٣", "²", "0x1", "1" * 21])
def test_only_whole_numbers_are_numbers(text: str) -> None:
    with pytest.raises(ParseError, match="objects is not a number"):
        info.count(text, "objects")


@given(TEXT)
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    for parse in (info.error, info.fields, info.release, lambda text: info.replies(text, ("a", "b"))):
        with contextlib.suppress(ParseError):
            parse(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("86400", 86_400), ("-12", -12), (None, None)])
def test_a_number_may_be_negative_where_it_is_wanted(text: str | None, value: int | None) -> None:
    assert info.signed({} if text is None else {"evict_ttl": text}, "evict_ttl") == value


@pytest.mark.parametrize(("text", "value"), [("0.00", 0.0), ("12.34", 12.34), ("7", 7.0), (None, None)])
def test_a_number_may_have_a_fraction_where_it_is_wanted(text: str | None, value: float | None) -> None:
    assert info.decimal({} if text is None else {"pct": text}, "pct") == value


@pytest.mark.parametrize("text", ["", "-", "--1", "-1.5", "x", "1e3", "nan", "٣"])
def test_what_is_no_number_is_named(text: str) -> None:
    with pytest.raises(ParseError, match="evict_ttl is not a number"):
        info.signed({"evict_ttl": text}, "evict_ttl")
    if text != "-1.5":
        with pytest.raises(ParseError, match="pct is not a number"):
            info.decimal({"pct": text}, "pct")
