"""Timers as a runner holds them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Timers by key; one that is set again replaces the other."""

    def __init__(self) -> None:
        self.at_us: dict[K, int] = {}

    def take_due(self, watermark_us: int) -> list[K]:
        """Takes out all that is due, in order: a round. What is set meanwhile is for the next."""
        due = sorted((at, key) for key, at in self.at_us.items() if at <= watermark_us)
        for _, key in due:
            del self.at_us[key]
        return [key for _, key in due]
