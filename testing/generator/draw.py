"""The one interface through which everything random is drawn, from a numbered seed or, in `strategies`, by Hypothesis.

Lower draws are plainer, so that Hypothesis shrinks what it finds towards small guests.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

_SHARES = 1000


class Draw(ABC):
    """A source of draws. Its one primitive is a whole number; the rest follows from it, the same for every source."""

    @abstractmethod
    def integer(self, least: int, most: int) -> int:
        """A number from `least` to `most`, both included; `least` is the plainest."""

    def chance(self, share: float) -> bool:
        """True in that share of draws; False is plainer."""
        return self.integer(1, _SHARES) > _SHARES - round(share * _SHARES)

    def choice(self, options: Sequence[Item]) -> Item:
        """One of them; the first is the plainest. What stands there twice is drawn twice as often."""
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, weights: Mapping[Item, int]) -> Item:
        """A key, as often as its weight says; the first is the plainest."""
        left = self.integer(0, sum(weights.values()) - 1)
        for item, weight in weights.items():
            if left < weight:
                return item
            left -= weight
        raise AssertionError("unreachable")

    def some(self, options: Sequence[Item], least: int, most: int) -> list[Item]:
        """From `least` to `most` of them, the same one perhaps more than once."""
        return [self.choice(options) for _ in range(self.integer(least, most))]

    def sample(self, options: Sequence[Item], count: int) -> list[Item]:
        """That many different ones in any order; all of them is a shuffle."""
        left = list(options)
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(count)]


class SeededDraw(Draw):
    """Draws that a number names: the same for every Python, which promises so of `Random.random` alone."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def integer(self, least: int, most: int) -> int:
        """A number from `least` to `most`, of what `Random.random` gives."""
        return least + int(self._random.random() * (most - least + 1))
