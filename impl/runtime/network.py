"""The simulated network: which messages arrive, how often, and after how long."""

from random import Random

from impl.runtime.schedule import Fault, Heal, OneWay, Partition, Weather

MILLISECOND = 1000
"""Microseconds; the unit of simulated time."""


class Network:
    """Decides the fate of messages by its weather, its partitions, and the run's random numbers."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._weather = Weather()
        self._groups: tuple[tuple[str, ...], ...] | None = None
        self._cut: set[tuple[str, str]] = set()

    def change(self, fault: Fault) -> None:
        """Let a fault of the network begin or end."""
        if isinstance(fault, Weather):
            self._weather = fault
        elif isinstance(fault, Partition):
            self._groups = fault.groups
        elif isinstance(fault, OneWay):
            self._cut.add((fault.source, fault.target))
        elif isinstance(fault, Heal):
            self._groups = None
            self._cut.clear()

    def connected(self, source: str, target: str) -> bool:
        """Whether messages from one node to another can arrive at all."""
        if (source, target) in self._cut:
            return False
        return self._groups is None or any(source in group and target in group for group in self._groups)

    def arrivals(self, source: str, target: str) -> list[int]:
        """The delays, in microseconds, after which copies of one message arrive; none if it is lost."""
        if not self.connected(source, target) or self._random.random() < self._weather.loss:
            return []
        copies = 2 if self._random.random() < self._weather.duplication else 1
        return [self._delay() for _ in range(copies)]

    def _delay(self) -> int:
        weather = self._weather
        late = 10.0 if weather.late and self._random.random() < weather.late else 1.0
        return int(self._random.uniform(weather.fastest, weather.slowest) * late * MILLISECOND)
