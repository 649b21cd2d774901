"""Patching: what is replaced, what counts as a change, what is refused."""

import pytest

from client import condition, path_of, refused, required_adapters


def test_a_change_is_one_generation(clm):
    made = clm.create("/channels", spec={"a": 1, "b": 2}, labels={"k": "v"})
    changed = clm.patch(path_of(made), json={"spec": {"a": 2}, "labels": {"l": "w"}}).json()
    assert changed["generation"] == 2
    assert changed["spec"] == {"a": 2} and changed["labels"] == {"l": "w"}  # replaced, not merged
    assert changed["updated_time"] > made["updated_time"] and changed["created_time"] == made["created_time"]
    assert clm.read(made) == changed


@pytest.mark.parametrize("body,after", [({"labels": {"k": "w"}}, {"k": "w"}), ({"labels": {}}, None)])
def test_labels_alone_are_a_change(clm, body, after):
    made = clm.create("/channels", labels={"k": "v"})
    changed = clm.patch(path_of(made), json=body).json()
    assert changed["generation"] == 2
    assert changed.get("labels") == after
    assert changed["spec"] == made["spec"]


@pytest.mark.parametrize("body", [{"spec": {"a": 1, "b": [1, 2]}}, {"labels": {"k": "v"}}, {"spec": {"b": [1, 2], "a": 1.0}},
                                  {"spec": {"a": 1, "b": [1, 2]}, "labels": None}])
def test_an_equal_patch_changes_nothing(clm, body):
    made = clm.create("/channels", spec={"a": 1, "b": [1, 2]}, labels={"k": "v"})
    answer = clm.patch(path_of(made), json=body)
    assert (answer.status_code, answer.json()) == (200, made)
    assert clm.read(made) == made


def test_a_change_makes_it_unreconciled_at_once(clm):
    made = clm.create()
    for adapter in required_adapters(made):
        assert clm.report(made, adapter).status_code == 201
    before = clm.read(made)
    assert condition(before, "Reconciled")["status"] == "True"
    changed = clm.patch(path_of(made), json={"labels": {"k": "v"}}).json()
    item = condition(changed, "Reconciled")
    assert (item["status"], item["reason"], item["observed_generation"]) == ("False", "ReconciledMissingAdapters", 2)
    assert item["last_transition_time"] == item["last_updated_time"] == changed["updated_time"]
    assert item["created_time"] == condition(before, "Reconciled")["created_time"]
    assert condition(changed, "LastKnownReconciled") == condition(before, "LastKnownReconciled")


@pytest.mark.parametrize("body", [{}, {"spec": None}, {"spec": None, "labels": None, "references": None}])
def test_a_patch_of_nothing(clm, body):
    made = clm.create("/channels")
    refused(clm.patch(path_of(made), json=body), 400, "VAL-005", "at least one field must be provided for update")


@pytest.mark.parametrize("member", ["name", "kind", "generation", "speck"])
def test_an_unknown_member_is_refused(clm, member):
    made = clm.create("/channels")
    said = refused(clm.patch(path_of(made), json={"spec": {}, member: "x"}), 400, "VAL-006")["detail"]
    assert said.startswith("Invalid request format: ") and member in said
    assert clm.read(made) == made


@pytest.mark.parametrize("data", [b"", b"{", b"[1"])
def test_a_patch_that_is_no_json(clm, data):
    refused(clm.patch(path_of(clm.create()), data=data), 400, "VAL-006", "Invalid JSON in request body")


def test_the_spec_is_checked_alone(clm):
    made = clm.create()
    refused(clm.patch(path_of(made), json={"spec": {"displayName": "x"}}), 400, "VAL-000", "Invalid ClusterSpec")
    refused(clm.patch(f"/resources/{made['id']}", json={"spec": {"displayName": "x"}}), 400, "VAL-000",
            "Invalid ClusterSpec")
    refused(clm.patch(path_of(made), json={"spec": []}), 400, "VAL-000", "spec field must be an object")
    refused(clm.patch(path_of(made), json={"labels": {"-": "v"}}), 400, "VAL-000", "label validation failed")
    assert clm.read(made) == made


def test_resources_patches_any_kind(clm):
    made = clm.create("/channels")
    assert clm.patch(f"/resources/{made['id']}", json={"spec": {"a": 1}}).json()["spec"] == {"a": 1}


def test_a_patch_needs_its_resource(clm):
    refused(clm.patch("/clusters/nope", json={"labels": {}}), 404, "NTF-001", "Cluster with id='nope' not found")
    refused(clm.patch("/resources/nope", json={"labels": {}}), 404, "NTF-001", "Resource with id='nope' not found")


def test_a_marked_resource_is_not_patched(clm):
    made = clm.create()
    clm.delete(path_of(made))
    refused(clm.patch(path_of(made), json={"labels": {"k": "v"}}), 409, "CNF-003",
            f"Cluster '{made['id']}' is marked for deletion")


@pytest.mark.reeve
def test_a_lost_update_is_noticed(clm):
    made = clm.create("/channels")
    etag = clm.get(path_of(made)).headers["ETag"]
    assert clm.patch(path_of(made), json={"spec": {"a": 1}}, headers={"If-Match": etag}).status_code == 200
    refused(clm.patch(path_of(made), json={"spec": {"a": 2}}, headers={"If-Match": etag}), 412, "CNF-002")
    refused(clm.delete(path_of(made), headers={"If-Match": etag}), 412, "CNF-002")
    assert clm.read(made)["spec"] == {"a": 1}
    assert clm.patch(path_of(made), json={"spec": {"a": 3}}, headers={"If-Match": "*"}).status_code == 200
