"""The real Raft cluster against PySyncObj; see `cluster_throughput`."""

import pytest

from tests.bench.cluster_throughput import compare


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_next_to_pysyncobj(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the comparison; three times its throughput is the aim."""
    with capsys.disabled():
        print(f"\nthroughput next to PySyncObj: {compare(seconds=6.0, clients=4, pipeline=200):.2f} times")
