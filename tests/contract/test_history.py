"""GET .../{id}/history: who changed what when."""

import pytest

from client import path_of, refused

pytestmark = pytest.mark.reeve


def history(clm, path, **parameters):
    response = clm.get(path + "/history", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def events(clm, path):
    return [item["event"] for item in history(clm, path)["items"]]


def test_changes_are_told_with_what_has_changed(clm):
    made = clm.create("/channels", spec={"a": 1, "b": {"c": 2}}, labels={"x": "1", "y": "2"})
    path = path_of(made)
    assert clm.patch(path, json={"spec": {"a": 1, "b": {"d": 3}}, "labels": {"x": "1"}}).status_code == 200
    assert clm.patch(path, json={"spec": {"a": 1, "b": {"d": 3}}}).status_code == 200  # equal: nothing
    newest, oldest = history(clm, path)["items"]
    assert (oldest["event"], oldest["generation"], "what" in oldest) == ("created", 1, False)
    assert (newest["event"], newest["generation"]) == ("updated", 2)
    assert newest["what"] == {"changed": ["spec", "labels"],
                              "patch": {"spec": {"b": {"c": None, "d": 3}}, "labels": {"y": None}}}
    assert newest["sequence"] > oldest["sequence"] and newest["epoch"] == oldest["epoch"] >= 1
    assert newest["time"] == clm.get(path).json()["updated_time"]
    assert oldest["actor"] == made["created_by"]


def test_a_history_outlives_its_resource(clm):
    made = clm.create("/channels")
    path = path_of(made)
    assert clm.delete(path).status_code == 202
    refused(clm.get(path), 404, "NTF-001")
    assert events(clm, path) == ["gone", "created"]
    assert events(clm, f"/resources/{made['id']}") == ["gone", "created"]


def test_a_removal_by_force_keeps_its_reason(clm):
    made = clm.create()
    path = path_of(made)
    assert clm.delete(path).status_code == 202
    assert clm.post(path + "/force-delete", json={"reason": "the test is over"}).status_code == 204
    items = history(clm, path)["items"]
    assert [item["event"] for item in items] == ["gone", "deleted", "created"]
    assert items[0]["what"] == {"reason": "the test is over"}


def test_reports_tell_who_said_what(clm):
    made = clm.create()
    path = path_of(made)
    assert clm.report(made, "dns").status_code == 201
    newest = history(clm, path)["items"][0]
    assert newest["event"] == "status"
    assert newest["what"]["adapter"] == "dns"
    assert newest["what"]["conditions"]["Available"] == "True"


def test_a_long_patch_is_left_out(clm):
    made = clm.create("/channels")
    path = path_of(made)
    assert clm.patch(path, json={"spec": {"text": "x" * (17 << 10)}}).status_code == 200
    assert history(clm, path)["items"][0]["what"] == {"changed": ["spec"]}


def test_pages_go_on_with_older_ones(clm):
    made = clm.create("/channels")
    path = path_of(made)
    for number in range(6):
        assert clm.patch(path, json={"spec": {"a": number + 10}}).status_code == 200
    found, parameters = [], {"size": 3}
    while True:
        page = history(clm, path, **parameters)
        found += [item["generation"] for item in page["items"]]
        if "next" not in page:
            break
        parameters["after"] = page["next"]
    assert found == [7, 6, 5, 4, 3, 2, 1]
    refused(clm.get(path + "/history", params={"after": "x"}), 400, "VAL-005")
    refused(clm.get(path + "/history", params={"size": 0}), 400, "VAL-000")


def test_what_never_was_or_is_elsewhere_is_not_found(clm):
    made = clm.create("/channels")
    refused(clm.get("/channels/no-such/history"), 404, "NTF-001")
    refused(clm.get(f"/clusters/{made['id']}/history"), 404, "NTF-001")
    version = clm.create(path_of(made) + "/versions")
    other = clm.create("/channels")
    assert events(clm, path_of(version)) == events(clm, f"/versions/{version['id']}") == ["created"]
    refused(clm.get(f"/channels/{other['id']}/versions/{version['id']}/history"), 404, "NTF-001")
