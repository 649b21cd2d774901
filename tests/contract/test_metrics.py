"""/metrics: the original's names, labels and meanings; health while the database comes and goes."""

import re

import pytest
import requests

import server as servers
from client import Clm, path_of, required_adapters

pytestmark = [pytest.mark.own, pytest.mark.reeve]


@pytest.fixture(scope="module")
def counted(database, tmp_path_factory):
    with servers.Server(tmp_path_factory.mktemp("metrics"), database) as server:
        yield server


@pytest.fixture
def clm(counted):
    client = Clm(counted.url)
    yield client
    client.clean()


def samples(server):
    response = requests.get(server.about["metrics"] + "/metrics", timeout=30)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for line in response.text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# TYPE [a-z_]+ (counter|gauge|histogram)", line), line
            continue
        name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line).groups()
        key = (name, tuple(sorted(re.findall(r'([a-z_]+)="([^"]*)"', labels or ""))))
        assert key not in found, key
        found[key] = float(value)
    return found


def value(found, name, **labels):
    matching = [number for (each, given), number in found.items()
                if each == name and set(labels.items()) <= set(given)]
    return sum(matching)


def test_requests_are_counted_by_code_and_timed(counted, clm):
    before = samples(counted)
    made = clm.create()
    clm.get(path_of(made))
    clm.get("/clusters/no-such")
    now = samples(counted)

    def more(name, **labels):
        return value(now, name, component="api", **labels) - value(before, name, component="api", **labels)

    requests_total = "hyperfleet_api_requests_total"
    one = "/api/hyperfleet/v1/clusters/-"
    assert more(requests_total, method="POST", path="/api/hyperfleet/v1/clusters", code="201") == 1
    assert more(requests_total, method="GET", path=one, code="200") == 1
    assert more(requests_total, method="GET", path=one, code="404") == 1
    seconds = "hyperfleet_api_request_duration_seconds"
    assert more(seconds + "_count", method="GET", path=one, code="200") == 1
    assert more(seconds + "_bucket", method="GET", path=one, code="200", le="+Inf") == 1
    assert 0 < more(seconds + "_sum", method="GET", path=one, code="200") < 10


def test_reconciliations_are_counted_when_they_begin(counted, clm):
    name = "hyperfleet_api_reconciliation_started_total"

    def started(is_delete="false"):
        return value(samples(counted), name, resource_type="Cluster", is_delete=is_delete)

    def waiting():
        return value(samples(counted), "hyperfleet_api_resource_pending_reconciliation", resource_type="cluster")

    began, waited = started(), waiting()
    made = clm.create()
    assert (started(), waiting()) == (began + 1, waited + 1)
    assert clm.patch(path_of(made), json={"labels": {"a": "b"}}).status_code == 200  # it had begun
    assert started() == began + 1
    for adapter in required_adapters(clm.read(made)):
        assert clm.report(made, adapter).status_code == 201
    assert (started(), waiting()) == (began + 1, waited)
    assert clm.patch(path_of(made), json={"labels": {"a": "c"}}).status_code == 200
    assert (started(), waiting()) == (began + 2, waited + 1)
    for adapter in required_adapters(made):
        clm.report(made, adapter)
    deleted = started("true")
    assert clm.delete(path_of(made)).status_code == 202
    assert started("true") == deleted + 1
    assert value(samples(counted), "hyperfleet_api_resource_stuck", resource_type="cluster") == 0


def test_stuck_ones_are_told_after_a_while(database, tmp_path):
    with servers.Server(tmp_path, database, settings={"metrics": {"reconciliation_stuck_threshold": "1ms"}}) as server:
        clm = Clm(server.url)
        try:
            clm.create()
            found = samples(server)
            assert value(found, "hyperfleet_api_resource_stuck", resource_type="cluster") >= 1
            assert value(found, "hyperfleet_api_resource_stuck_duration_seconds", resource_type="cluster") > 0
        finally:
            clm.clean()


def test_the_database_is_measured(counted, clm):
    clm.create()
    found = samples(counted)
    for operation in ("read", "write"):
        assert value(found, "hyperfleet_db_query_duration_seconds_count", operation=operation) > 0
    assert value(found, "hyperfleet_db_connections_open") >= 1
    assert value(found, "hyperfleet_api_build_info", component="api") == 1


def test_without_the_database_there_is_health_but_no_readiness(tmp_path):
    running = servers.postgres()
    if running is None:
        pytest.skip("PostgreSQL is not installed (tools/install-deps test)")
    try:
        running.start()
        with servers.Server(tmp_path, servers.database_of(running)) as server:
            health = server.about["health"]
            assert requests.get(health + "/readyz", timeout=30).json() == {"status": "ok"}
            running.stop("immediate")
            answer = requests.get(health + "/readyz", timeout=30)
            assert answer.status_code == 503 and answer.json()["status"] == "not_ready" and answer.json()["reason"]
            assert requests.get(health + "/healthz", timeout=30).json() == {"status": "ok"}
            assert value(samples(server), "hyperfleet_db_errors_total", error_type="unavailable") >= 1
    finally:
        running.remove()
