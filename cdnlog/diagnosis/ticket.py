"""The text for the vendor's support, ready to send: what, where, when with zone, how much, and requests to look up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from cdnlog.counts import Counts
from cdnlog.diagnosis.correlate import Draft
from cdnlog.diagnosis.rows import Rows
from cdnlog.model import MICROSECONDS
from cdnlog.zones import instant

Say = Callable[..., str]
_BANNED = "flood-ban"
_EXAMPLES = 5


def ticket(group: list[Draft], rows: Rows | None, counts: Counts, say: Say) -> str | None:
    """Return the text for a finding that only the vendor can end, None for any other.

    Args:
        group: What the finding is made of, the main part first.
        rows: Kept failing rows of the main part, None if there are only counts.
        counts: The counts, for window and zone.
        say: Says a phrase in the language of the run.
    """
    main = group[0]
    if main.owner != "cdn-platform" and main.decision.cause != _BANNED:
        return None
    lines = [say("ticket-banned" if main.decision.cause == _BANNED else "ticket-fault")]
    lines += [_part(draft, counts, say) for draft in group]
    for key in ("regions", "isps", "nodes"):
        pairs = zip(main.hit.top[key], main.hit.shares[key], strict=True)
        named = ", ".join(f"{value} {share:.0%}" for value, share in pairs)
        if named:
            lines.append(say("ticket-where", what=say(key), values=named))
    lines += _examples(rows, counts.zone, say) if rows is not None else []
    return "\n".join(lines)


def _part(draft: Draft, counts: Counts, say: Say) -> str:
    stretch = draft.stretch
    return say(
        "ticket-part",
        domain=stretch.series.domain,
        code=str(stretch.status),
        start=counts.shown(stretch.windows[0]),
        end=counts.shown(stretch.windows[-1] + counts.window),
        failing=f"{stretch.requests:,}",
        total=f"{stretch.total:,}",
    )


def _examples(rows: Rows, zone: tzinfo, say: Say) -> list[str]:
    """Return a few requests in the order of time, with their ids where the log has any."""
    order = rows.number("time").argsort(kind="stable")[:: max(1, len(rows) // _EXAMPLES)][:_EXAMPLES]
    shown = rows.where(order)
    lines = [say("ticket-examples")]
    for i, moment in enumerate(shown.number("time").tolist()):
        facts = [instant(moment // MICROSECONDS, zone)]
        facts += [str(shown.text(name, int(shown.codes(name)[i])) or "-") for name in ("client_ip", "method", "path")]
        request_id = shown.text("request_id", int(shown.codes("request_id")[i]))
        lines.append("  " + "  ".join([*facts, *([str(request_id)] if request_id is not None else [])]))
    if not shown.has("request_id"):
        lines.append(say("ticket-ids"))
    return lines
