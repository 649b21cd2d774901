"""Reports of adapters: what is checked, stored, discarded."""

import concurrent.futures
import datetime

import pytest

from client import Clm, condition, path_of, refused, required_adapters

MANDATORY = [{"type": "Available", "status": "True"}, {"type": "Applied", "status": "True"},
             {"type": "Health", "status": "True"}]


def at(**ago):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def statuses(clm, resource):
    return {item["adapter"]: item for item in clm.items(path_of(resource) + "/statuses")}


def test_a_report_is_stored(clm):
    made, time = clm.create(), at(minutes=1)
    adapter = required_adapters(made)[0]
    answer = clm.report(made, adapter, observed_time=time, data={"a": {"b": [1]}},
                        metadata={"job_name": "j", "attempt": 2})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["adapter"], body["observed_generation"]) == (adapter, 1)
    assert body["data"] == {"a": {"b": [1]}} and body["metadata"] == {"job_name": "j", "attempt": 2}
    assert instant(body["last_report_time"]) == instant(time)
    assert [item["type"] for item in body["conditions"]] == ["Available", "Applied", "Health"]
    assert all(instant(item["last_transition_time"]) == instant(time) for item in body["conditions"])
    assert statuses(clm, made) == {adapter: body}


def test_an_update_is_201_and_keeps_what_did_not_change(clm):
    made = clm.create()
    first = clm.report(made, "dns", observed_time=at(minutes=2)).json()
    answer = clm.report(made, "dns", observed_time=at(minutes=1), conditions=[
        {"type": "Available", "status": "True"}, {"type": "Applied", "status": "False"},
        {"type": "Health", "status": "True"}])
    assert answer.status_code == 201
    second = answer.json()
    assert second["created_time"] == first["created_time"]
    moved = {item["type"]: item["last_transition_time"] for item in second["conditions"]}
    was = {item["type"]: item["last_transition_time"] for item in first["conditions"]}
    assert moved["Available"] == was["Available"] and moved["Health"] == was["Health"]
    assert moved["Applied"] == second["last_report_time"]


def test_data_defaults_to_an_empty_object(clm):
    body = clm.report(clm.create(), "dns").json()
    assert body["data"] == {} and "metadata" not in body


def test_without_a_time_it_is_now(clm):
    before = instant(at())
    body = clm.report(clm.create(), "dns").json()
    assert abs((instant(body["last_report_time"]) - before).total_seconds()) < 60


# --- discards ----------------------------------------------------------------------------------

def test_what_is_stale_is_discarded_in_silence(clm):
    made = clm.create("/channels")
    time = at(minutes=5)
    clm.patch(path_of(made), json={"spec": {"a": 1}})
    assert clm.report(made, "x", generation=2, observed_time=time).status_code == 201
    before = statuses(clm, made)
    for generation, moment in ((3, at()), (1, at()), (2, at(minutes=6))):
        answer = clm.report(made, "x", "False", generation=generation, observed_time=moment)
        assert (answer.status_code, answer.content) == (204, b"")
        assert statuses(clm, made) == before


def test_an_equal_time_writes_nothing_and_is_201(clm):
    made, time = clm.create(), at(minutes=5)
    first = clm.report(made, "dns", observed_time=time).json()
    answer = clm.report(made, "dns", "False", observed_time=time)
    assert (answer.status_code, answer.json()) == (201, first)
    assert statuses(clm, made) == {"dns": first}


def test_an_unknown_first_report_is_stored_and_a_later_one_dropped(clm):
    made = clm.create()
    adapter = required_adapters(made)[0]
    assert clm.report(made, adapter, "Unknown", observed_time=at(minutes=3)).status_code == 201
    assert statuses(clm, made)[adapter]["conditions"][0]["status"] == "Unknown"
    assert clm.read(made)["status"] == made["status"]  # it moved no condition
    first = clm.report(made, adapter, observed_time=at(minutes=2)).json()
    answer = clm.report(made, adapter, "Unknown", observed_time=at(minutes=1))
    assert (answer.status_code, answer.content) == (204, b"")
    assert statuses(clm, made)[adapter] == first


def test_discards_come_before_the_mandatory_conditions(clm):
    made = clm.create()
    assert clm.report(made, "dns", generation=9, conditions=[]).status_code == 204


def test_a_newer_generation_counts_however_early_it_was_observed(clm):
    made = clm.create("/channels")
    assert clm.report(made, "x", observed_time=at(minutes=1)).status_code == 201
    clm.patch(path_of(made), json={"spec": {"a": 1}})
    time = at(minutes=9)
    answer = clm.report(made, "x", "False", generation=2, observed_time=time)
    assert answer.status_code == 201 and instant(answer.json()["last_report_time"]) == instant(time)
    assert answer.json()["conditions"][0]["last_transition_time"] == answer.json()["last_report_time"]
    assert statuses(clm, made) == {"x": answer.json()}


def test_a_later_unknown_is_dropped_whole_also_of_a_new_generation(clm):
    made = clm.create()
    first = clm.report(made, "dns", observed_time=at(minutes=3), data={"a": 1}).json()
    clm.patch(path_of(made), json={"labels": {"k": "v"}})
    assert clm.report(made, "dns", "Unknown", generation=2, data={"a": 2}).status_code == 204
    assert statuses(clm, made) == {"dns": first}


def test_mandatory_conditions_come_before_what_unknown_drops(clm):
    made = clm.create()
    clm.report(made, "dns", observed_time=at(minutes=3))
    refused(clm.report(made, "dns", conditions=[{"type": "Available", "status": "Unknown"}]), 400, "VAL-000",
            "missing mandatory condition 'Applied': all adapters must report Available, Applied, and Health")


def test_transitions_are_per_type_and_forgotten_with_it(clm):
    made, extra = clm.create(), [{"type": "Extra", "status": "Unknown"}]
    times = []
    for minutes, conditions in ((9, MANDATORY), (8, MANDATORY + extra), (7, MANDATORY + extra), (6, MANDATORY),
                                (5, MANDATORY + extra)):
        body = clm.report(made, "dns", observed_time=at(minutes=minutes), conditions=conditions).json()
        times.append({item["type"]: item["last_transition_time"] for item in body["conditions"]} | {
            "report": body["last_report_time"]})
    assert {item["Available"] for item in times} == {times[0]["report"]}
    assert times[1]["Extra"] == times[2]["Extra"] == times[1]["report"]
    assert times[4]["Extra"] == times[4]["report"]


# --- checks ------------------------------------------------------------------------------------

@pytest.mark.parametrize("missing", ["Available", "Applied", "Health"])
def test_mandatory_conditions(clm, missing):
    made = clm.create()
    refused(clm.report(made, "dns", conditions=[item for item in MANDATORY if item["type"] != missing]), 400, "VAL-000",
            f"missing mandatory condition '{missing}': all adapters must report Available, Applied, and Health")
    assert statuses(clm, made) == {}


def test_the_first_mandatory_condition_is_named(clm):
    said = refused(clm.report(clm.create(), "dns", conditions=[]), 400, "VAL-000")["detail"]
    assert said.startswith("missing mandatory condition 'Available'")


@pytest.mark.parametrize("changes,detail", [
    ({"adapter": ""}, "adapter is required"),
    ({"adapter": None}, "adapter is required"),
    ({"observed_generation": 0}, "observed_generation must be >= 1"),
    ({"observed_generation": -1}, "observed_generation must be >= 1"),
    ({"observed_generation": None}, "observed_generation must be >= 1"),
    ({"conditions": MANDATORY + [{"type": "", "status": "True"}]}, "condition type cannot be empty at index 3"),
    ({"conditions": MANDATORY + MANDATORY[:1]}, "duplicate condition type 'Available' at index 3"),
    ({"conditions": MANDATORY + [{"type": "X", "status": "true"}]},
     "invalid status value 'true' for condition at index 3 (type: X): must be 'True', 'False', or 'Unknown'"),
])
def test_what_a_report_must_have(clm, changes, detail):
    body = {"adapter": "dns", "observed_generation": 1, "conditions": MANDATORY, **changes}
    made = clm.create()
    refused(clm.put(path_of(made) + "/statuses", json=body), 400, "VAL-000", detail)
    assert statuses(clm, made) == {}


@pytest.mark.parametrize("ago,detail", [
    ({"minutes": -6}, "observed_time must not be more than 5m0s in the future"),
    ({"minutes": 31}, "observed_time must not be more than 30m0s in the past"),
])
def test_times_far_off(clm, ago, detail):
    refused(clm.report(clm.create(), "dns", observed_time=at(**ago)), 400, "VAL-000", detail)


@pytest.mark.parametrize("ago", [{"minutes": -4}, {"minutes": 29}])
def test_times_near(clm, ago):
    assert clm.report(clm.create(), "dns", observed_time=at(**ago)).status_code == 201


def test_the_zero_time_is_now(clm):
    """1.5: absent or zero is the server's now; Go's zero time is the first of January of the year 1."""
    body = clm.report(clm.create(), "dns", observed_time="0001-01-01T00:00:00Z")
    assert body.status_code == 201, body.text
    assert abs((instant(body.json()["last_report_time"]) - instant(at())).total_seconds()) < 60


def test_an_empty_body(clm):
    made = clm.create()
    refused(clm.put(path_of(made) + "/statuses", data=b""), 400, "VAL-006", "Request body is required but was empty")
    said = refused(clm.put(path_of(made) + "/statuses", data=b"{"), 400, "VAL-006")["detail"]
    assert said.startswith("Invalid request format: ")


def test_the_body_comes_before_the_resource(clm):
    refused(clm.put("/clusters/nope/statuses", json={}), 400, "VAL-000", "adapter is required")
    refused(clm.put("/clusters/nope/statuses", json={"adapter": "a", "observed_generation": 1,
                                                     "conditions": MANDATORY}), 404, "NTF-001",
            "Cluster with id='nope' not found")


# --- lists of them -----------------------------------------------------------------------------

def test_statuses_are_paged(clm):
    made = clm.create()
    for adapter in "abc":
        clm.report(made, adapter)
    pages = [clm.get(path_of(made) + "/statuses", params={"page": page, "size": 2}).json() for page in (1, 2, 3)]
    assert [(page["page"], page["size"], page["total"]) for page in pages] == [(1, 2, 3), (2, 1, 3), (3, 0, 3)]
    assert sorted(item["adapter"] for page in pages for item in page["items"]) == ["a", "b", "c"]
    refused(clm.get(path_of(made) + "/statuses", params={"size": 101}), 400, "VAL-000", "Invalid query parameters")


def test_search_order_and_fields_are_taken_without_effect_there(clm):
    made = clm.create()
    clm.report(made, "a")
    answer = clm.get(path_of(made) + "/statuses", params={"search": "((", "order": "!", "fields": "no"})
    assert answer.status_code == 200 and len(answer.json()["items"]) == 1


def test_statuses_of_any_kind_under_resources(clm):
    made = clm.create()
    body = {"adapter": "a", "observed_generation": 1, "conditions": MANDATORY}
    assert clm.put(f"/resources/{made['id']}/statuses", json=body).status_code == 201
    assert [item["adapter"] for item in clm.items(f"/resources/{made['id']}/statuses")] == ["a"]


def test_a_kind_without_adapters_gets_conditions_by_its_first_report(clm):
    """A quirk that is kept (1.9)."""
    made = clm.create("/channels")
    assert clm.report(made, "x").status_code == 201
    now = clm.read(made)
    assert condition(now, "Reconciled")["status"] == condition(now, "LastKnownReconciled")["status"] == "False"
    assert condition(now, "Reconciled")["message"] == (
        "Required adapters not reporting Available=True: []. Currently reporting: []")


def test_conditions_by_a_report_follow_changes_without_required_adapters(clm):
    """Reconciled's observed_generation is the resource's, always (1.9)."""
    made = clm.create("/channels")
    clm.report(made, "x")
    patched = clm.patch(path_of(made), json={"spec": {"a": 1}}).json()
    item = condition(patched, "Reconciled")
    assert (item["status"], item["observed_generation"]) == ("False", 2)
    assert item["last_updated_time"] == patched["updated_time"]
    assert condition(patched, "LastKnownReconciled")["observed_generation"] == 1


def test_reports_and_changes_of_one_resource_at_once_lose_nothing(base_url, clm):
    """Writes share transactions: each still sees what those before it have written."""
    made, rounds = clm.create(), 8
    required = required_adapters(made)
    reporters = required + [f"other-{i}" for i in range(10)]

    def report(adapter):
        client = Clm(base_url)
        for _ in range(rounds):
            assert client.report(made, adapter, generation=1).status_code in (201, 204)
        client.session.close()

    def change(number):
        client = Clm(base_url)
        for turn in range(rounds):
            answer = client.patch(path_of(made), json={"labels": {"n": f"{number}-{turn}"}})
            assert answer.status_code == 200, answer.text
        client.session.close()

    with concurrent.futures.ThreadPoolExecutor(len(reporters) + 4) as pool:
        waiting = [pool.submit(report, adapter) for adapter in reporters]
        waiting += [pool.submit(change, number) for number in range(4)]
        for each in waiting:
            each.result()
    now = clm.read(made)
    assert now["generation"] == 1 + 4 * rounds
    assert sorted(statuses(clm, made)) == sorted(reporters)
    for adapter in required:
        assert clm.report(made, adapter).status_code == 201
    now = clm.read(made)
    assert condition(now, "Reconciled")["status"] == "True", now["status"]
    assert condition(now, "Reconciled")["observed_generation"] == now["generation"]


@pytest.mark.reeve
def test_more_adapters_than_a_resource_takes_are_refused(clm):
    """No matter of time, so not 429: who waited would wait for ever."""
    made = clm.create("/channels")
    for number in range(256):
        assert clm.report(made, f"a{number}", generation=1).status_code == 201
    refused(clm.report(made, "one-more", generation=1), 409, "CNF-003")
    assert clm.report(made, "a7", generation=1).status_code == 201
