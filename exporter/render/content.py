"""What is told of a node, as values: sections of tables, bars and sentences, which each writer puts into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.model.selection import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.findings import Diagnosis
    from exporter.model.snapshot import Node


class Name(NamedTuple):
    """A name that others chose; empty stands for the node as a whole."""

    text: str


class Term(NamedTuple):
    """What something is called for people, and the label that metrics have for it, where that is another.

    `short` is what it is called where there is little room, where that is another.
    """

    word: str
    label: str
    short: str = ""


def term(names: Mapping[str, str], label: str) -> Term:
    """A label with what it is called, by one of the tables of `exporter.model.words`."""
    word = names.get(label, label)
    return Term(word, "" if word == label else label)


class Bytes(NamedTuple):
    """An amount, and the share of something that it is, 0 to 1."""

    value: float | None
    share: float | None = None


class Share(NamedTuple):
    """A share, 0 to 1."""

    value: float | None


class Ago(NamedTuple):
    """Seconds since something was."""

    value: float | None


class Took(NamedTuple):
    """Seconds that something took."""

    value: float | None


class Strong(NamedTuple):
    """What matters in its sentence; `bad` where something is wrong."""

    value: Bytes | Share | Name | Term | str
    bad: bool = False


class Link(NamedTuple):
    """A way to a section of the page, called by its title."""

    anchor: str
    title: str


class Part(NamedTuple):
    """A part of a bar: its kind (`used`, `other`, `waste`, `bad`; `free` is a gap), its share, 0 to 1, and its name."""

    kind: str
    share: float
    label: Words = ()


class Bar(NamedTuple):
    """Shares of a whole, of which the rest is empty. The label says in words what is drawn."""

    label: Words
    parts: tuple[Part, ...]


Value: TypeAlias = "str | int | Name | Term | Bytes | Share | Ago | Took | Strong | Link | Bar | None"
"""What a cell or a part of a sentence is: text and counts, or one of the above; None is unknown."""

Words: TypeAlias = "tuple[Value, ...]"
"""A sentence, or some."""


class Paragraph(NamedTuple):
    """Sentences."""

    words: Words


class Column(NamedTuple):
    """A column: `header` cells name their rows, `number` ones are flush right, `drawn` ones are bars.

    `clear` ones need no heading before them where rows are lines of their own. Where there is no room, those go whose
    `minor` is not 0: the lowest first, and of equal ones the last.
    """

    name: str
    header: bool = False
    number: bool = False
    drawn: bool = False
    clear: bool = False
    minor: int = 0


BAR = Column("", drawn=True)
"""A column of bars, against what the caption of the table says."""


class Table(NamedTuple):
    """A table; without rows it is not shown."""

    caption: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]


class Stack(NamedTuple):
    """A bar as wide as there is room, and what its kinds mean and come to."""

    bar: Bar
    legend: tuple[tuple[str, str, Bytes], ...]


class Key(NamedTuple):
    """What the kinds in the bars that follow are."""

    kinds: tuple[str, ...]


class Histogram(NamedTuple):
    """Columns side by side with what each is, what is said of all, and the bounds of the first and the last."""

    label: Words
    columns: tuple[tuple[float, Words], ...]
    ends: tuple[Value, Value]
    caption: Words


class Tile(NamedTuple):
    """The limit that a namespace hits first."""

    ns: Name
    used: Share
    limit: Term
    bar: Bar | str
    words: Words


class Tiles(NamedTuple):
    """Tiles, and the sentence after them."""

    tiles: tuple[Tile, ...]
    rest: Words = ()


class FindingBlock(NamedTuple):
    """A finding; `folded` where it can wait and others cannot.

    The steps are what each command of a shell shows or does, and the command; it is empty where none helps.
    """

    severity: str
    name: Term
    ns: str
    says: str
    advice: str
    steps: tuple[tuple[str, str], ...]
    folded: bool
    link: str | None = None


class Items(NamedTuple):
    """A list of what has a name."""

    items: tuple[tuple[Words, str], ...]


Block: TypeAlias = "Paragraph | Table | Stack | Key | Histogram | Tiles | FindingBlock | Items"


class Section(NamedTuple):
    """A part of the page; without blocks it is not shown."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


class State(NamedTuple):
    """Whether something is wrong, in one line and in some words more, and what of that could not be judged.

    The severity is empty where all is well.
    """

    severity: str
    says: str
    words: Words
    unsure: Words = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What is told of a node at one moment: for people in sections, for scripts by the figures.

    `problem` says in one line why the node did not answer; `problems` says so of each source that was not seen.
    """

    title: Words
    note: str
    about: Words
    head: Words
    state: State
    sections: tuple[Section, ...]
    node: Node
    figures: Diagnosis
    problem: str | None
    problems: dict[str, str]
    view: View = field(default_factory=View)
