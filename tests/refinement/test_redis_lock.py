"""The lock service step by step against its specification and its leases: clean as it is, rejected with a mistake."""

import pytest

from refinement.redis_lock import MAPPING
from tests.impl.mutants.redis_lock import MUTANTS
from tests.refinement import hold

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def test_walks_of_the_core_are_steps_of_the_specification() -> None:
    assert hold.walks(MAPPING, range(15)) is None


def test_simulated_clusters_take_steps_of_the_specification() -> None:
    assert hold.simulations(MAPPING, range(2)) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("promise_not_persisted", "recovery"),
        ("promises_before_flush", "hasty"),
        ("votes_after_restart", "demand"),
        ("votes_within_lease", "demand"),
        ("votes_twice", "recovery"),
        ("leads_alone", "demand"),
        ("tokens_without_epoch", "demand"),
    ],
)
def test_a_mistake_is_rejected_by_walks(name: str, kind: str) -> None:
    with BY_NAME[name].planted():
        rejection = hold.walks(MAPPING, range(60))
    assert rejection is not None
    assert rejection.kind == kind
