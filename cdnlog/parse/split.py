"""What all kinds of formats have in common: lines taken apart into rows, each with the slices of its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cdnlog.buffer import Buffer, Bytes, Ints
from cdnlog.model import Block
from cdnlog.parse.lines import Lines

Span = tuple[int, int]
"""Start and end of a field in its line."""
Slice = tuple[Ints, Ints]
"""A field in all rows: its start and its length in each; an absent field is empty."""
Slices = tuple[Buffer, Ints, Ints]
"""The same with the bytes it stands in."""


class Rows(Protocol):
    """The lines that could be taken apart, in their order."""

    @property
    def line(self) -> Ints:
        """Number of the line of each row."""

    def field(self, j: int) -> Slices:
        """Return where the declared field `j` stands in each row."""


@dataclass(frozen=True, slots=True)
class Split:
    """A block, taken apart.

    Attributes:
        lines: Its lines.
        fate: What has become of each so far, see `fates`.
        rows: Those that are still to be counted.
    """

    lines: Lines
    fate: Bytes
    rows: Rows


class Splitter(Protocol):
    """Takes blocks apart, in the order of the file: it may remember what an earlier one said."""

    def split(self, block: Block) -> Split:
        """Take one block apart."""
