"""What the code tables answer when they are asked for a code or a word."""

from __future__ import annotations

from dataclasses import dataclass

from cdnlog.declared import Entry, Lang
from cdnlog.renderable import Renderable


@dataclass(frozen=True, repr=False)
class Answer(Renderable):
    """What the tables say of a status code, and which one said it.

    Attributes:
        provider: The provider that was asked for.
        code: The status code, 0 to 999; None for a vendor's word that was asked for alone.
        answered_by: "edge-word", "provider", "standard" or "class", the most special one that knows it.
        entry: Its entry; of a class entry the text speaks of the class.
        source: Where the entry's facts stand.
        as_of: Date of that source.
        word: The vendor's error word, if that is what was answered.
        language: Language in which it tells itself.

    Example:
        >>> import cdnlog
        >>> cdnlog.explain(514)
        <Answer: tencent-cdn 514, IP access frequency limit exceeded (cdn-config)>
    """

    provider: str
    code: int | None
    answered_by: str
    entry: Entry
    source: str
    as_of: str
    word: str | None = None
    language: Lang = "en"

    def __repr__(self) -> str:
        """Say what was asked and whose it is; `print` shows all."""
        asked = self.word if self.code is None else self.code
        return f"<Answer: {self.provider} {asked}, {self.entry.name.of(self.language)} ({self.entry.owner})>"

    @property
    def _language(self) -> Lang:
        return self.language


@dataclass(frozen=True)
class Comparison:
    """What every provider's table says of one code or word.

    Attributes:
        asked: The code or word.
        answers: One answer for each provider that has an entry of its own.
    """

    asked: str
    answers: tuple[Answer, ...]
