"""What a load run came to, in numbers. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from verification.completions import Sent
from verification.load import Outcome
from verification.oracle import ACCEPTED, outcome

VIOLATIONS_SHOWN = 100
PERCENTILES = (50, 95, 99)


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Nearest rank: the least value that so many percent of all do not exceed. None without values."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else None


def latencies(seconds: Iterable[float]) -> dict[str, float | None]:
    """Percentiles in milliseconds."""
    ordered = sorted(seconds)
    figures = {f"p{percent}": percentile(ordered, percent) for percent in PERCENTILES}
    figures["max"] = ordered[-1] if ordered else None
    return {name: None if value is None else round(value * 1000, 1) for name, value in figures.items()}


def summarise(run: Outcome, rate: float) -> dict[str, Any]:
    """The run as a JSON document."""
    outcomes = Counter(outcome(answer) or "NO_ANSWER" for answer in run.answers)
    completed, refused = outcomes.pop("COMPLETED", 0), outcomes.pop("REFUSED", 0)
    unanswered = outcomes.pop("NO_ANSWER", 0)
    accepted = [each for each in run.sent if each.code == ACCEPTED]
    return {
        "run": run.plan.run,
        "source": run.plan.source,
        "rate": rate,
        "orders": len(run.sent),
        "accepted": len(accepted),
        "completed": completed,
        "failed": dict(sorted(outcomes.items())),
        "refused": refused,
        "unanswered": unanswered,
        "retries": run.retries,
        "seconds": round(_duration(run.sent), 3),
        "orders_per_second": _rate(run.sent),
        "acceptance_milliseconds": latencies(each.answered - each.due for each in accepted if each.answered),
        "completion_milliseconds": latencies(each.final - each.due for each in accepted if each.final),
        "sent_late_milliseconds": latencies(each.began - each.due for each in run.sent if each.began),
        "violations": [
            {"rule": each.rule, "subject": each.subject, "text": each.text}
            for each in run.violations[:VIOLATIONS_SHOWN]
        ],
        "violations_total": len(run.violations),
    }


def _duration(sent: Sequence[Sent]) -> float:
    """Seconds from the first order until the last was final (or answered)."""
    ends = [each.final or each.answered or each.due for each in sent]
    return max(ends) - sent[0].due if sent else 0.0


def _rate(sent: Sequence[Sent]) -> float:
    """Orders that became final, a second of the whole run."""
    final, seconds = sum(each.final is not None for each in sent), _duration(sent)
    return round(final / seconds, 1) if seconds else 0.0
