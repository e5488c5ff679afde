"""The lists of sets and secondary indexes, whatever names are in them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.selection import UNREADABLE
from exporter.parsers import lists
from exporter.parsers.lists import ListedIndex
from tests.hostile_names import NAMES, TEXT, answers_with
from tests.support import TESTS, replies


def test_a_set_index_in_the_list_of_8_1_is_no_secondary_index() -> None:
    text = "ns=a:indexname=x:set=s:bin=b:type=numeric:indextype=default;ns=a:indexname=y:set=s:indextype=set"
    assert lists.sindex_list(text) == (ListedIndex("a", "x", "s", one_per_record=True),)
    # Without a secondary index 8.1 begins with what separates the two kinds.
    assert lists.sindex_list(";ns=a:indexname=y:set=s:indextype=set;ns=a:indexname=z:set=s:t:indextype=set") == ()
    assert lists.sindex_list("") == ()


@pytest.mark.parametrize(
    ("fields", "one_per_record"),
    [
        ("type=NUMERIC:indextype=DEFAULT:path=b0:state=RW", True),  # 6.0
        ("type=string:indextype=default:context=null:exp=null:state=RW", True),  # 8.1
        ("type=string:indextype=list:context=null:exp=null:state=RW", False),
        ("type=geo2dsphere:indextype=default:context=null:exp=null:state=RW", False),
    ],
)
def test_an_index_of_lists_or_regions_may_have_many_entries_of_a_record(fields: str, one_per_record: bool) -> None:
    (index,) = lists.sindex_list(f"ns=a:indexname=x:set=s:bin=b:{fields}")
    assert index.one_per_record is one_per_record


def test_a_set_has_a_limit_on_its_records_in_any_release() -> None:
    # 6.0 has neither stop-writes-size nor device_data_bytes.
    text = "ns=n:set=a:objects=5:tombstones=0:memory_data_bytes=0:stop-writes-count=7:disable-eviction=false;"
    (entry,) = lists.sets(text, "device_data_bytes")
    assert (entry.objects, entry.limit_objects, entry.limit_bytes) == (5, 7, None)
    assert lists.sets(text.replace("=7", "=0"), "device_data_bytes")[0].limit_objects is None


@pytest.mark.parametrize("release", ["8.1", "6.4"])
@given(names=st.lists(NAMES, unique=True, max_size=8))
def test_each_set_has_its_own_figures_whatever_the_names(release: str, names: list[str]) -> None:
    listed = answers_with(release, {"one": names})("sets/one")
    assert listed is not None
    used = "data_used_bytes" if release == "8.1" else "memory_data_bytes"
    found = lists.sets(as_read(listed), used)
    assert [entry.objects for entry in found] == list(range(1, len(names) + 1))
    for name, entry in zip(names, found, strict=True):
        assert entry.name in (as_read(name), UNREADABLE)
        assert entry.name.isprintable()


def as_read(text: str) -> str:
    """Text with what is not UTF-8 replaced, as the source reads it."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


@pytest.mark.parametrize(
    ("release", "used"), [("8.1", "data_used_bytes"), ("6.4", "memory_data_bytes"), ("6.0", "memory_data_bytes")]
)
def test_the_sets_of_real_servers_have_the_records_that_were_written(release: str, used: str) -> None:
    capture = json.loads((TESTS / "captures_names" / f"{release}.json").read_text())
    found = lists.sets(as_read(capture["sets/mem"]), used)
    shown = {entry.name: entry.objects for entry in found if entry.name != UNREADABLE}
    written = {as_read(name): records for name, records in capture["written"].items()}
    assert shown == {name: written[name] for name in shown}
    assert shown.keys() == {"plain0", "plain1", "plain2", "_other", '=,/"\\{}', " lead", "z" * 63}
    hidden = sorted(entry.objects or 0 for entry in found if entry.name == UNREADABLE)
    assert hidden == sorted(records for name, records in written.items() if name not in shown)
    assert all(entry.used_bytes for entry in found)


def test_names_in_every_language_are_shown() -> None:
    names = ("plain", "with blank", "a/b", "a=b,c", "größe", "カート", "🛒", "back\\slash", 'quo"te')
    text = answers_with("8.1", {"one": names})("sets/one")
    assert text is not None
    assert tuple(entry.name for entry in lists.sets(text, "data_used_bytes")) == names


@pytest.mark.parametrize("name", [name for name in TEXT if name != "_other"])
def test_a_name_that_would_be_read_as_something_else_is_not_shown(name: str) -> None:
    assert not lists.readable(as_read(name))


def test_what_is_no_list_of_sets_is_said() -> None:
    text = replies("8.1/cache-fragmented")["sets/carts"]
    for wrong in ("rubbish", text[1:], text.replace("objects=", "objects=x", 1), f"{text}x"):
        with pytest.raises(ParseError, match=r"^not a list of sets: "):
            lists.sets(wrong, "data_used_bytes")


@pytest.mark.parametrize(
    "layout",
    [
        "ns={ns}:indexname={name}:set={set}:bin=b:type=numeric:indextype=default:context=null:exp=null:state=RW",
        "ns={ns}:indexname={name}:set={set}:bin=b:type=numeric:indextype=default:context=null:state=RW",
        "ns={ns}:set={set}:indexname={name}:bin=b:type=NUMERIC:indextype=DEFAULT:path=b:state=RW",
    ],
    ids=["8.1", "6.4", "6.0"],
)
@pytest.mark.parametrize(
    "name", ["a:b", "a:set=x", "a:indexname=y", "a:ns=two", "a\tb", "a:bin=c:type=x:indextype=set"]
)
def test_a_name_of_an_index_costs_no_other_index(layout: str, name: str) -> None:
    good = layout.format(ns="two", name="i", set="s")
    for bad in (layout.format(ns="one", name=name, set="s"), layout.format(ns="one", name="i", set=name)):
        for text in (f"{bad};{good}", f"{good};{bad};"):
            assert sorted(lists.sindex_list(text)) == [
                ListedIndex("one", UNREADABLE, ""),
                ListedIndex("two", "i", "s", one_per_record=True),
            ]


def test_a_bin_in_an_expression_may_have_any_name() -> None:
    entry = "ns={ns}:indexname=i:set=null:bin=null:type=string:indextype=default:context=null:exp={exp}:state=RW"
    text = ";".join(entry.format(ns=ns, exp='bin_str(";a=x\\n\t:y;")') for ns in ("one", "two"))
    assert lists.sindex_list(text) == tuple(ListedIndex(ns, "i", "", one_per_record=True) for ns in ("one", "two"))


@given(st.text(alphabet="ab=:;\t\n -0é", max_size=60))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    for parse in (lists.sindex_list, lambda text: lists.sets(text, "a")):
        with contextlib.suppress(ParseError):
            parse(text)


def test_a_list_of_sets_that_is_the_same_is_read_once_and_one_that_changed_anew() -> None:
    command, text = next(
        (key, text) for key, text in replies("8.1/cache-fragmented").items() if key.startswith("sets/")
    )
    used = "data_used_bytes"
    first = lists.sets(text, used)
    # Another string of the same letters, as each reply is.
    assert lists.sets("".join(list(text)), used) is first, command
    changed = lists.sets(text.replace(f":objects={first[0].objects}:", ":objects=12345:", 1), used)
    assert [entry.objects for entry in changed] == [12345, *(entry.objects for entry in first[1:])]
    # The same text of a server whose sets count their bytes in another field.
    other = lists.sets(text, "memory_data_bytes")
    assert [entry.used_bytes for entry in other] != [entry.used_bytes for entry in first]
    assert lists.sets(text, used) == first


def test_a_list_of_indexes_that_changed_is_read_anew() -> None:
    text = _index("x")
    assert lists.sindex_list(text) is lists.sindex_list("".join(list(text)))
    assert lists.sindex_list(text.replace("=x:", "=y:")) == (ListedIndex("a", "y", "s", one_per_record=True),)


def test_no_more_lists_are_kept_than_a_node_has_and_no_longer_ones() -> None:
    short = [lists.sindex_list(_index(f"x{number}")) for number in range(lists.MOST_KEPT + 1)]
    assert lists.sindex_list(_index("x1")) is short[1]
    assert lists.sindex_list(_index("x0")) is not short[0]
    many = ";".join(_index(f"x{number}") for number in range(20_000))
    assert len(many) > lists.MOST_KEPT_BYTES
    assert lists.sindex_list(many) is not lists.sindex_list(many)
    assert lists.sindex_list(many) == lists.sindex_list(many)


def _index(name: str) -> str:
    return f"ns=a:indexname={name}:set=s:bin=b:type=numeric:indextype=default"
