"""Fixtures of the contract tests: a client `clm` of the API at --base-url, or of one that is started here.

    make contract URL=http://127.0.0.1:8000     any implementation
    tools/test-python -m pytest tests/contract --store postgres
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from client import Clm  # noqa: E402  (the path above)
import server as servers  # noqa: E402


def pytest_addoption(parser):
    group = parser.getgroup("contract")
    group.addoption("--base-url", default=os.environ.get("REEVE_CONTRACT_URL"),
                    help="CLM's API to test, as http://HOST:PORT; default: one is started")
    group.addoption("--store", choices=("sqlite", "postgres"), default="sqlite",
                    help="what the started one keeps its data in; default: sqlite")
    group.addoption("--without-reeve", action="store_true",
                    help="leave out what only Reeve has (tests marked `reeve`)")


def pytest_configure(config):
    config.addinivalue_line("markers", "reeve: of what only Reeve has; --without-reeve leaves it out")
    config.addinivalue_line("markers", "once: slow, and the same on every store; run on SQLite")
    config.addinivalue_line("markers", "own: needs a process of its own, so not at --base-url")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if config.getoption("--without-reeve") and item.get_closest_marker("reeve"):
            item.add_marker(pytest.mark.skip(reason="only Reeve has it"))
        if config.getoption("--store") != "sqlite" and item.get_closest_marker("once"):
            item.add_marker(pytest.mark.skip(reason="the same on every store"))
        if config.getoption("--base-url") and item.get_closest_marker("own"):
            item.add_marker(pytest.mark.skip(reason="needs a process of its own"))


@pytest.fixture(scope="session")
def database(request):
    """The URL of an empty database for the session's server."""
    if request.config.getoption("--store") == "sqlite":
        yield None
        return
    running = servers.postgres()
    if running is None:
        pytest.skip("PostgreSQL is not installed (tools/install-deps test)")
    try:
        running.start()
        yield servers.database_of(running)
    finally:
        running.remove()


@pytest.fixture(scope="session")
def base_url(request, tmp_path_factory):
    """http://HOST:PORT of the API under test."""
    given = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    with servers.Server(tmp_path_factory.mktemp("clm"), request.getfixturevalue("database")) as server:
        yield server.url


@pytest.fixture
def clm(base_url):
    """The API's client; what it creates is removed at the test's end."""
    client = Clm(base_url)
    yield client
    client.clean()
    client.session.close()
