"""A mapping held against its code for a fixed amount of work, so that tests do not depend on the clock."""

from random import Random

from refinement.harness.campaign import walk_of
from refinement.harness.chaos import random_scenario
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.scenario import run
from refinement.harness.worlds import Judged


def walks(mapping: ProtocolMapping, seeds: range) -> Rejection | None:
    """The first thing that is wrong in these walks."""
    for judged in [Judged(mapping, bounds) for bounds in mapping.walks()]:
        for seed in seeds:
            rejection = walk_of(judged, seed).rejection
            if rejection is not None:
                return rejection
    return None


def simulations(mapping: ProtocolMapping, seeds: range, seconds: float = 6.0) -> Rejection | None:
    """The first thing that is wrong in these runs of the simulator."""
    for seed in seeds:
        rejection = run(mapping, random_scenario(mapping, Random(seed), seconds)).rejection
        if rejection is not None:
            return rejection
    return None
