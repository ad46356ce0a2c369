"""Budget: what a step may spend, what a model costs, and who is admitted, whatever the timing."""

from pydantic import Field

from ..tiers.decision import Usage
from ..tiers.record import Record


class Price(Record):
    """What a model costs, in USD per million tokens."""

    tokens_in: float = Field(ge=0)
    tokens_out: float = Field(ge=0)


class Budget(Record):
    """Upper bounds of a step's spending; None is no bound."""

    max_calls: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
    """Read and written tokens together."""
    max_usd: float | None = Field(default=None, ge=0)

    def breach(self, spent: Usage, expected: Usage) -> str:
        """Which bound `expected` more would break, in words; empty when it fits."""
        for name, limit, used, more in (
            ("max_calls", self.max_calls, spent.calls, expected.calls),
            ("max_tokens", self.max_tokens, _tokens(spent), _tokens(expected)),
            ("max_usd", self.max_usd, spent.usd, expected.usd),
        ):
            if limit is not None and (used >= limit or used + more > limit + 1e-9):
                return f"{name}={limit:g}, spent {used:.6g}"
        return ""


def _tokens(usage: Usage) -> int:
    return usage.tokens_in + usage.tokens_out


class Ration:
    """Admits work items in order, by the costs of earlier items only.

    Item i is admitted early when the first ceil(i/2) items (at most `lookahead` fewer than i) are finished and the
    dearest of them, once for every item after them up to and including i, would still fit; else it is judged when all
    items before it are finished. Both rules look at fixed items, so the threads' timing cannot change who is admitted.
    Concurrency doubles with every answer, so that a small budget is not overrun by blind first calls; it is exceeded
    only by items that cost more than every item before them.
    """

    def __init__(self, budget: Budget, lookahead: int) -> None:
        self._budget = budget
        self._bounded = budget != Budget()
        self._lookahead = max(1, lookahead)
        self._costs: dict[int, Usage] = {}
        self._prefix: list[Usage] = [Usage()]  # [k] spent by the first k items
        self._dearest: list[Usage] = [Usage()]  # [k] largest cost among them, field by field

    def spent(self, item: int, usage: Usage) -> None:
        """Item `item` is finished and cost `usage`."""
        self._costs[item] = usage
        while (last := len(self._prefix) - 1) in self._costs:
            cost = self._costs.pop(last)
            self._prefix.append(self._prefix[-1] + cost)
            dearest = {k: max(getattr(self._dearest[-1], k), getattr(cost, k)) for k in Usage.model_fields}
            self._dearest.append(Usage(**dearest))

    def verdict(self, item: int) -> str | None:
        """Empty: go on; words: the budget is exhausted, and how; None: wait for earlier items."""
        if not self._bounded:
            return ""
        known = max((item + 1) // 2, item - self._lookahead)
        if known < len(self._prefix) and not self._breach(known, item):
            return ""
        return self._breach(item, item) if item < len(self._prefix) else None

    def _breach(self, known: int, item: int) -> str:
        dearest = self._dearest[known]
        waiting = item - known
        expected = Usage(**{k: getattr(dearest, k) * (waiting + 1) for k in Usage.model_fields})
        return self._budget.breach(self._prefix[known], expected)
