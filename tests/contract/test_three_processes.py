"""A short one of the soak's rounds: three processes on one PostgreSQL among faults."""

import pytest

import three_processes

SECONDS = 15
SEED = 7


@pytest.mark.own
@pytest.mark.reeve
@pytest.mark.timeout(300)
def test_three_processes_among_faults(request, tmp_path):
    if request.config.getoption("--store") != "postgres":
        pytest.skip("an SQLite file belongs to one process")
    if three_processes.run(tmp_path, SEED, SECONDS) is None:
        pytest.skip("PostgreSQL is not installed (tools/install-deps test)")
