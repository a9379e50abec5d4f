"""The real Raft cluster against PySyncObj; see `cluster_throughput`."""

import pytest

from tests.bench.cluster_throughput import compare


@pytest.mark.bench
def test_at_least_three_times_pysyncobj() -> None:
    assert compare(seconds=6.0, clients=4, pipeline=200) >= 3.0
