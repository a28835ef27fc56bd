"""Tables that the kernel fills over the blocks of a file: texts by number, sums by key, keys of JSON."""

from __future__ import annotations

import os
from ctypes import byref

import numpy as np
import numpy.typing as npt

from cdnlog.kernel import library
from cdnlog.kernel.library import Array, CellTable, Flags, Ints, Rows, Table, Tree, at, slices, whole


class Interned:
    """Texts by number, the same number for equal texts.

    Args:
        capacity: Texts that there is room for.
        room: Bytes of text that there is room for; without any the texts stay where they are, in one buffer.
    """

    def __init__(self, capacity: int, room: int = 0) -> None:
        slots = 1 << max(2 * capacity, 8).bit_length()
        self._slot, self._hash = np.full(slots, -1, np.int64), np.empty(capacity, np.uint64)
        self._start, self._length = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        self._text = np.empty(room, np.uint8)
        secret = int.from_bytes(os.urandom(8), "little")
        arrays: tuple[Array, ...] = (self._slot, self._hash, self._start, self._length, self._text)
        self._table = Table(slots, capacity, 0, 0, room, secret, *map(at, arrays))

    def __len__(self) -> int:
        """Number of distinct texts."""
        return int(self._table.count)

    def codes(self, address: int, start: Ints, length: Ints) -> tuple[Ints, Ints] | None:
        """Return the number of each text, and for each new number a row that has it; None if one does not fit."""
        start, length = whole(start), whole(length)
        if not self._table.room:
            self._table.text = address
        code, first = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
        new = library.functions.intern(slices(address, start, length), byref(self._table), at(code), at(first))
        return None if new < 0 else (code, first[:new])


class Sums:
    """Sums of four measures by key, in a table that grows.

    Args:
        keys: Numbers of a key, at most 32.
    """

    MEASURES = 4

    def __init__(self, keys: int) -> None:
        self._keys, self._capacity, self._secret = keys, 2048, int.from_bytes(os.urandom(8), "little")
        self._cell = np.empty((self._capacity, keys + self.MEASURES), np.int64)
        self._place(0)

    def _place(self, count: int) -> None:
        """Lay the table out for as many cells as it has room for."""
        slots = 1 << (2 * self._capacity).bit_length()
        self._slot = np.full(slots, -1, np.int32)
        self._table = CellTable(slots, self._capacity, count, self._keys, self._secret, at(self._slot), at(self._cell))
        library.functions.place_cells(byref(self._table))

    def _grow(self) -> None:
        count = int(self._table.count)
        self._capacity *= 2
        larger = np.empty((self._capacity, self._cell.shape[1]), np.int64)
        larger[:count] = self._cell[:count]
        self._cell = larger
        self._place(count)

    def add(  # noqa: PLR0913, PLR0917 - a key, and four measures of three columns
        self,
        values: list[Ints],
        units: list[int],
        sent: Ints | None,
        weight: Ints | None,
        cache: Ints | None,
        meaning: npt.NDArray[np.uint8],
    ) -> int:
        """Add rows up; return how many were: the sum of the next one would not fit into 64 bits.

        Args:
            values: The numbers of the key, each in all rows.
            units: What each is counted in: the key has the whole units.
            sent: Bytes of each row, None for 0.
            weight: How many requests each row stands for, None for 1.
            cache: What its cache did, by number.
            meaning: Of each of these numbers: 0 for nothing, 1 for a lookup, 2 for a hit.
        """
        held = [np.ascontiguousarray(array, np.int64) for array in values]
        columns, unit = np.array([at(array) for array in held], np.int64), np.array(units, np.int64)
        measures = [None if array is None else np.ascontiguousarray(array, np.int64) for array in (sent, weight, cache)]
        rows, done = len(held[0]), 0
        told = Rows(rows, at(columns), at(unit), *(None if a is None else at(a) for a in measures), at(meaning))
        while done < rows:
            done = int(library.functions.add_rows(byref(self._table), byref(told), done))
            if done == rows or self._table.count < self._capacity:
                break
            self._grow()
        return done

    @property
    def cells(self) -> tuple[Ints, Ints]:
        """The keys and the sums: (cells, numbers of a key) and (cells, measures)."""
        cells = self._cell[: int(self._table.count)]
        return cells[:, : self._keys], cells[:, self._keys :]


class Keys:
    """The keys of JSON objects that are asked for.

    Args:
        leaves: Their paths, sorted, none the beginning of another.
    """

    def __init__(self, leaves: list[tuple[str, ...]]) -> None:
        nodes: list[tuple[str, ...]] = [(), *sorted({leaf[:n] for leaf in leaves for n in range(1, len(leaf))})]
        first: list[int] = []
        count: list[int] = []
        key: list[bytes] = []
        target: list[int] = []
        below: list[int] = []
        for node in nodes:
            children = sorted({path[: len(node) + 1] for path in leaves if path[: len(node)] == node})
            first.append(len(key))
            count.append(len(children))
            for child in children:
                key.append(child[-1].encode("utf-8", "surrogatepass"))
                inside = [i for i, leaf in enumerate(leaves) if leaf[: len(child)] == child]
                target.append(leaves.index(child) if child in leaves else -nodes.index(child))
                below += [inside[0], inside[-1] + 1]
        length = [len(one) for one in key]
        place = np.cumsum([0, *length])[:-1]
        self._arrays = [np.array(column, np.int64) for column in (first, count, place, length, target, below)]
        self._text = np.frombuffer(b"".join(key), np.uint8)
        self._tree = Tree(len(leaves), *map(at, self._arrays), at(self._text))

    def values(self, address: int, begin: Ints, end: Ints, candidate: Flags) -> tuple[Ints, Ints, Ints]:
        """Return the lines that are plainly objects, and where their values stand: starts and ends, (leaves, rows)."""
        rows = np.empty(len(begin), np.int64)
        start, stop = (np.empty((self._tree.width, len(begin)), np.int32) for _ in range(2))
        candidate = np.ascontiguousarray(candidate)
        count = library.functions.json_values(
            address, len(begin), at(begin), at(end), at(candidate), byref(self._tree), at(rows), at(start),
            at(stop),
        )  # fmt: skip
        return rows[:count], start[:, :count], stop[:, :count]
