"""The replicated set step by step against specs/crdt_set.pspec: clean as it is, rejected with a mistake in it."""

import pytest

from refinement.crdt_set import MAPPING
from tests.impl.mutants.crdt_set import MUTANTS
from tests.refinement import hold

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def test_walks_of_the_core_are_steps_of_the_specification() -> None:
    assert hold.walks(MAPPING, range(8)) is None


def test_simulated_clusters_take_steps_of_the_specification() -> None:
    assert hold.simulations(MAPPING, range(1)) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("union_merge", "step"),
        ("context_not_joined", "step"),
        ("adds_without_fresh_dot", "step"),
        ("removes_with_whole_context", "demand"),
        ("answers_before_flush", "hasty"),
        ("snapshot_without_context", "recovery"),
        ("commands_unseen", "demand"),
    ],
)
def test_a_mistake_is_rejected_by_walks(name: str, kind: str) -> None:
    with BY_NAME[name].planted():
        rejection = hold.walks(MAPPING, range(40))
    assert rejection is not None
    assert rejection.kind == kind
