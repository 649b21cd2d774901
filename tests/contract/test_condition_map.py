"""Conditions that the configuration derives from reports (`conditions:` of an entity)."""

import copy

import pytest

import server as servers
from client import Clm, condition, path_of, refused

pytestmark = [pytest.mark.own, pytest.mark.reeve]


def mapping(kind, when, status, reason=None, message=None):
    output = {"status": status, "reason": reason, "message": message}
    return {"type": kind, "when": {"expression": when},
            "output": {name: {"expression": text} for name, text in output.items() if text is not None}}


LAST = "statuses[size(statuses) - 1]"
MAPPINGS = [
    mapping("Zebra", "true", '"tRuE"'),
    mapping("DnsReady", 'statuses.exists(s, s.adapter == "dns")',
            'statuses.filter(s, s.adapter == "dns")[0].data.?ready.orValue(false)',
            '"FromDns"', 'dig(statuses.filter(s, s.adapter == "dns")[0].data, "zone.0.name")'),
    mapping("Extra", 'statuses.exists(s, s.adapter == "extra")', "true",
            'statuses.filter(s, s.adapter == "extra")[0].data.?reason.orValue("R")',
            'statuses.filter(s, s.adapter == "extra")[0].data.?message.orValue(resource.name)'),
    mapping("Secretive", 'statuses.exists(s, s.adapter == "secretive")', "true", None,
            'toJson(statuses.filter(s, s.adapter == "secretive")[0].data)'),
    mapping("Failing", 'statuses.exists(s, s.adapter == "failing")', "statuses[100].adapter"),
    mapping("Costly", 'statuses.exists(s, s.adapter == "costly")',
            "range.all(a, range.all(b, range.all(c, a + b + c >= 0)))".replace("range", str(list(range(30))))),
    mapping("Brittle", "true", "resource.spec.displayName != 'brittle' || statuses[100].adapter == ''"),
    mapping("Late", "resource.generation > 1.0", "resource.spec.displayName != ''"),
]


CHANNEL_MAPPINGS = [mapping("Seen", "size(statuses) > 0", "true"), mapping("Always", "true", "true")]


@pytest.fixture(scope="module")
def mapped(request, database, tmp_path_factory):
    entities = copy.deepcopy(servers.ENTITIES)
    entities[0]["conditions"] = MAPPINGS
    next(kind for kind in entities if kind["kind"] == "Channel")["conditions"] = CHANNEL_MAPPINGS
    with servers.Server(tmp_path_factory.mktemp("mapped"), database, entities) as server:
        yield server


@pytest.fixture
def clm(mapped):
    client = Clm(mapped.url)
    yield client
    client.clean()


def types(resource):
    return [item["type"] for item in resource["status"]["conditions"]]


def test_mapped_ones_come_last_and_by_type(clm):
    made = clm.create()
    assert types(made) == ["Reconciled", "LastKnownReconciled", "Brittle", "Zebra"]
    zebra = condition(made, "Zebra")
    assert (zebra["status"], zebra["reason"], zebra["message"]) == ("True", "", "")
    assert zebra["observed_generation"] == 1
    assert zebra["created_time"] == zebra["last_updated_time"] == zebra["last_transition_time"] == made["updated_time"]
    clm.report(made, "dns", data={"ready": True, "zone": [{"name": "example.com"}]})
    now = clm.read(made)
    assert types(now) == ["Reconciled", "LastKnownReconciled", "DnsSuccessful", "Brittle", "DnsReady", "Zebra"]
    ready = condition(now, "DnsReady")
    assert (ready["status"], ready["reason"], ready["message"]) == ("True", "FromDns", "example.com")


def test_times_move_with_the_resource_and_its_status(clm):
    made = clm.create()
    clm.report(made, "dns", data={"ready": True, "zone": [{"name": "a"}]})
    first = condition(clm.read(made), "DnsReady")
    spec = dict(made["spec"], displayName="another")
    assert clm.patch(path_of(made), json={"spec": spec}).status_code == 200
    patched = clm.read(made)
    second = condition(patched, "DnsReady")
    assert second["observed_generation"] == 2
    assert second["last_updated_time"] == patched["updated_time"] > first["last_updated_time"]
    assert second["last_transition_time"] == first["last_transition_time"]
    assert second["created_time"] == first["created_time"]
    clm.report(made, "dns", generation=2, data={"ready": False, "zone": [{"name": "a"}]})
    third = condition(clm.read(made), "DnsReady")
    assert third["status"] == "False"
    assert third["last_transition_time"] == patched["updated_time"]
    assert third["created_time"] == first["created_time"]
    assert "Late" in types(patched) and "Late" not in types(made)


def test_adapters_that_are_not_required_are_seen_and_unknown_ones_are_not(clm):
    made = clm.create()
    assert clm.report(made, "extra", data={"reason": "X"}).status_code == 201
    extra = condition(clm.read(made), "Extra")
    assert (extra["reason"], extra["message"]) == ("X", made["name"])
    # One Unknown condition takes the adapter out of sight.
    conditions = [{"type": kind, "status": "True"} for kind in ("Available", "Applied", "Health")]
    assert clm.report(made, "extra", conditions=conditions + [{"type": "More", "status": "Unknown"}]).status_code == 201
    assert "Extra" not in types(clm.read(made))


def test_a_first_report_with_unknown_availability_is_looked_at(clm):
    """It does not aggregate, but mappings see what is news: here, that nothing is to be seen."""
    made = clm.create()
    assert clm.report(made, "extra", available="Unknown").status_code == 201
    assert types(clm.read(made)) == ["Reconciled", "LastKnownReconciled", "Brittle", "Zebra"]


@pytest.mark.parametrize("length,there", [(256, True), (257, False)])
def test_a_reason_has_a_limit(clm, length, there):
    made = clm.create()
    assert clm.report(made, "extra", data={"reason": "r" * length}).status_code == 201
    assert ("Extra" in types(clm.read(made))) is there


def test_a_message_is_cut_between_characters(clm):
    made = clm.create()
    assert clm.report(made, "extra", data={"message": "x" + "\u00e4" * 2000}).status_code == 201
    assert condition(clm.read(made), "Extra")["message"] == "x" + "\u00e4" * 1023


def test_secrets_do_not_come_through(clm):
    made = clm.create()
    data = {"dbPassword": "hidden", "list": [{"token": {"a": "hidden"}, "plain": "seen"}]}
    assert clm.report(made, "secretive", data=data).status_code == 201
    message = condition(clm.read(made), "Secretive")["message"]
    assert "hidden" not in message and "seen" in message and message.count("***REDACTED***") == 2


@pytest.mark.parametrize("adapter", ["failing", "costly"])
def test_an_expression_that_fails_takes_the_report_with_it(clm, adapter):
    made = clm.create()
    refused(clm.report(made, adapter), 500, "INT-001")
    assert clm.items(path_of(made) + "/statuses") == []
    assert types(clm.read(made)) == ["Reconciled", "LastKnownReconciled", "Brittle", "Zebra"]
    assert clm.report(made, "dns", data={"zone": [{"name": "a"}]}).status_code == 201


def test_without_required_adapters_there_are_none_at_birth(clm):
    """1.6: such a kind is born with `conditions: []`, whatever is mapped; its first change or report maps."""
    made = clm.create("/channels")
    assert made["status"] == clm.read(made)["status"] == {"conditions": []}
    assert clm.report(made, "x").status_code == 201
    assert types(clm.read(made)) == ["Reconciled", "LastKnownReconciled", "Always", "Seen"]


@pytest.mark.parametrize("changed", ["conditions", "data"])
def test_mapped_conditions_follow_what_is_said_anew(clm, changed):
    """What is no news maps nothing anew; changed conditions or data do."""
    made = clm.create()
    clm.report(made, "extra", data={"reason": "X"})
    first = condition(clm.read(made), "Extra")
    assert clm.report(made, "extra", data={"reason": "X"}).status_code == 201
    assert condition(clm.read(made), "Extra") == first
    conditions = [{"type": kind, "status": "True"} for kind in ("Available", "Applied", "Health")]
    more = {"data": {"reason": "Y"}} if changed == "data" else {
        "data": {}, "conditions": conditions + [{"type": "More", "status": "True"}]}
    assert clm.report(made, "extra", **more).status_code == 201
    assert condition(clm.read(made), "Extra")["reason"] == ("Y" if changed == "data" else "R")


def test_an_owner_may_change_and_delete_whatever_expressions_do(clm):
    made = clm.create()
    born = condition(made, "Brittle")
    assert born["status"] == "True"
    assert clm.patch(path_of(made), json={"spec": dict(made["spec"], displayName="brittle")}).status_code == 200
    now = clm.read(made)
    assert now["generation"] == 2 and condition(now, "Brittle") == born  # as it was, of the generation it was of
    refused(clm.report(made, "dns"), 500, "INT-001")  # who reports is told
    assert clm.delete(path_of(made)).status_code == 202


def test_a_mistake_ends_the_start(tmp_path):
    entities = copy.deepcopy(servers.ENTITIES)
    entities[0]["conditions"] = [mapping("X", "statuses.size() > nothing", "true")]
    with pytest.raises(AssertionError, match="undeclared reference to 'nothing'"):
        servers.Server(tmp_path, entities=entities).start()
