"""The arithmetic of the report: quantiles, and ratios of rounds with their spread."""

from statistics import median
from typing import NamedTuple


def quantile(values, share):
    """The value that `share` of them don't exceed (the nearest rank, so always one that was measured)."""
    ordered = sorted(values)
    rank = -(-round(share * 1_000_000) * len(ordered) // 1_000_000)  # rounded up, without a float's last digit
    return ordered[max(rank, 1) - 1]


class Spread(NamedTuple):
    """A median with the smallest and the largest of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        """Of at least one value."""
        return cls(median(values), min(values), max(values))


def ratio(ours, theirs):
    """By what our figures exceed theirs: each round's against the same round's, since the machine changes between."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


def best_of(rates, names):
    """Whose median rate is the highest; None when none was measured."""
    measured = [name for name in names if rates.get(name)]
    return max(measured, key=lambda name: median(rates[name]), default=None)


def rotated(items, number):
    """The items in the order of round `number`: each is first once in as many rounds as there are items."""
    start = number % len(items)
    return [*items[start:], *items[:start]]


def figure(value):
    """A number as people read it: three digits that matter, thousands separated."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread_text(spread, unit=""):
    """`12.3 (11.0 to 14.2)`, with a dash for the word."""
    return f"{figure(spread.median)}{unit} ({figure(spread.least)}\N{EN DASH}{figure(spread.most)})"
