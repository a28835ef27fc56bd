"""How bad an incident is, judged by users harmed: burn rate of an objective of 99.9 %, and how many are hit.

The burn rates are those of the Google SRE Workbook, chapter 5: 14.4 pages at once, 6 pages, 1 is a ticket.
"""

from __future__ import annotations

from cdnlog.diagnosis.incidents import Incident
from cdnlog.diagnosis.statistics import wilson_low
from cdnlog.model import SEVERITIES

OBJECTIVE = 0.999
BURNS = (14.4, 6.0, 1.0)
MANY_CLIENTS = 20
WHOLE_SITE = 0.5
_CRITICAL, _HIGH, _MEDIUM, _LOW, INFO = SEVERITIES
_SERVER_ERROR = 500


def severity(failing: int, total: int, status: int, clients: int | None, incident: Incident) -> str:
    """Return the severity of an incident.

    Args:
        failing: Requests with the status.
        total: All requests of the domain at that time.
        status: The status: refusals and aborts harm less than server errors, unless they hit half of the site.
        clients: Distinct client addresses among the failing requests, None if that is not known.
        incident: What is usual there is no harm; and if that is not known, a refusal may be how it always is.
    """
    surely = max(0.0, wilson_low(failing, total) - incident.usual)
    burn = surely / (1 - OBJECTIVE)
    level = next((i for i, least in enumerate(BURNS) if burn >= least), len(BURNS))
    whole = surely >= WHOLE_SITE and failing >= MANY_CLIENTS
    if not whole:
        if (failing if clients is None else clients) < MANY_CLIENTS:
            level = max(level, SEVERITIES.index(_MEDIUM))
        if status < _SERVER_ERROR:
            level = max(level + 1, 0 if incident.told else SEVERITIES.index(_LOW))
    return SEVERITIES[min(level, SEVERITIES.index(_LOW))]
