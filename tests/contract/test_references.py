"""References between resources: what is checked, how they read, what they hold, how they are found."""

import pytest

from client import BASE, condition, path_of, refused, required_adapters, unique


def to(*targets):
    return {"wif_config": [{"id": target["id"]} for target in targets]}


def shown(target):
    return {"id": target["id"], "kind": "WifConfig", "href": f"{BASE}/wifconfigs/{target['id']}"}


@pytest.fixture
def wif(clm):
    """Made before whatever refers to it, so that it goes after."""
    return clm.create("/wifconfigs")


# --- what comes out ----------------------------------------------------------------------------

def test_a_reference_reads_whole_though_only_its_id_was_sent(clm, wif):
    made = clm.create(references=to(wif))
    assert made["references"] == {"wif_config": [shown(wif)]}
    assert clm.read(made) == made
    assert clm.items("/clusters", search=f"id = '{made['id']}'") == [made]
    picked = clm.get(path_of(made), params={"fields": "references"}).json()
    assert picked == {"id": made["id"], "references": made["references"]}


def test_without_references_there_is_no_member(clm):
    for references in (None, {}, {"wif_config": []}):
        assert "references" not in clm.create(references=references)


def test_names_in_a_reference_are_read_in_any_case(clm, wif):
    made = clm.create(references={"wif_config": [{"ID": wif["id"], "Kind": "WifConfig", "href": "ignored"}]})
    assert made["references"] == {"wif_config": [shown(wif)]}


# --- what is checked ---------------------------------------------------------------------------

@pytest.mark.parametrize("references,word", [
    ({"no_such": []}, "no_such"),
    ({"WIF_CONFIG": []}, "WIF_CONFIG"),
    ({"wif_config": {}}, "array"),
    ({"wif_config": ["x"]}, "objects"),
    ({"wif_config": [{}]}, "id"),
    ({"wif_config": [{"id": ""}]}, "id"),
    ({"wif_config": [{"id": 5}]}, "id"),
    ({"wif_config": [{"id": "nope"}]}, "'nope' not found"),
    ({"wif_config": [{"id": "nope", "kind": "Channel"}]}, "must point to kind WifConfig"),
    ({"wif_config": [{"id": "a"}, {"id": "b"}]}, "at most 1"),
])
def test_references_that_are_wrong(clm, references, word):
    body = clm.body(references=references)
    assert word in refused(clm.post("/clusters", json=body), 400, "VAL-000")["detail"]
    assert clm.items("/clusters", search=f"name = '{body['name']}'") == []
    made = clm.create()
    assert word in refused(clm.patch(path_of(made), json={"references": references}), 400, "VAL-000")["detail"]
    assert clm.read(made) == made


def test_a_target_is_of_the_kind_that_is_declared(clm):
    channel = clm.create("/channels")
    detail = refused(clm.post("/clusters", json=clm.body(references=to(channel))), 400, "VAL-000")["detail"]
    assert "must point to kind WifConfig" in detail and "Channel" in detail


def test_a_target_that_is_going_is_refused(clm):
    cluster = clm.create()
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    clm.delete(path_of(cluster))
    refused(clm.post("/clusters", json=clm.body(references=to(pool))), 400, "VAL-000")
    wif = clm.create("/wifconfigs")
    clm.delete(path_of(wif))
    assert "not found" in refused(clm.post("/clusters", json=clm.body(references=to(wif))), 400, "VAL-000")["detail"]


def test_names_and_labels_are_told_before_references(clm):
    wrong = clm.body(name="-", references=to({"id": "nope"}))
    assert "name" in refused(clm.post("/clusters", json=wrong), 400, "VAL-000")["detail"]
    wrong = clm.body(labels={"-": "x"}, references=to({"id": "nope"}))
    refused(clm.post("/clusters", json=wrong), 400, "VAL-000", "label validation failed")


# --- changes -----------------------------------------------------------------------------------

def test_a_patch_replaces_all_references(clm, wif):
    made, other = clm.create(references=to(wif)), clm.create("/wifconfigs")
    changed = clm.patch(path_of(made), json={"references": to(other)}).json()
    assert changed["references"] == {"wif_config": [shown(other)]}
    assert changed["generation"] == 2
    assert condition(changed, "Reconciled")["observed_generation"] == 2
    assert clm.read(made) == changed
    assert clm.delete(path_of(wif)).status_code == 202  # nobody refers to it any more
    cleared = clm.patch(path_of(made), json={"references": {}}).json()
    assert "references" not in cleared and cleared["generation"] == 3
    assert clm.delete(path_of(other)).status_code == 202


@pytest.mark.parametrize("body", [{"labels": {"k": "v"}}, {"labels": {"k": "v"}, "references": None}])
def test_references_that_a_patch_does_not_name_stay(clm, wif, body):
    made = clm.create(references=to(wif))
    assert clm.patch(path_of(made), json=body).json()["references"] == made["references"]


@pytest.mark.reeve
def test_equal_references_change_nothing(clm, wif):
    made = clm.create(references=to(wif))
    assert clm.patch(path_of(made), json={"references": made["references"]}).json() == made
    bare = clm.create()
    assert clm.patch(path_of(bare), json={"references": {}}).json() == bare


def test_a_patch_under_resources_changes_references(clm, wif):
    made = clm.create()
    changed = clm.patch(f"/resources/{made['id']}", json={"references": to(wif)}).json()
    assert changed["references"] == {"wif_config": [shown(wif)]}


# --- what they hold ----------------------------------------------------------------------------

def test_what_is_referred_to_is_not_deleted(clm, wif):
    one, two = clm.create(references=to(wif)), clm.create(references=to(wif))
    detail = refused(clm.delete(path_of(wif)), 409, "CNF-003")["detail"]
    assert detail == (f'cannot delete WifConfig "{wif["name"]}": referenced by Cluster "{one["name"]}", '
                      f'Cluster "{two["name"]}" — remove the reference(s) before deleting')
    assert clm.read(wif) == wif
    clm.patch(path_of(one), json={"references": {}})
    refused(clm.delete(path_of(wif)), 409, "CNF-003")
    clm.patch(path_of(two), json={"references": {}})
    assert clm.delete(path_of(wif)).status_code == 202
    refused(clm.get(path_of(wif)), 404, "NTF-001")


def test_many_who_refer_are_counted(clm, wif):
    for _ in range(20):
        clm.create(references=to(wif))
    detail = refused(clm.delete(path_of(wif)), 409, "CNF-003")["detail"]
    assert detail.startswith(f'cannot delete WifConfig "{wif["name"]}": referenced by Cluster "')
    assert detail.endswith("— remove the reference(s) before deleting")


def test_who_is_deleted_lets_go(clm, wif):
    made = clm.create(references=to(wif))
    marked = clm.delete(path_of(made)).json()
    assert "references" not in marked and "references" not in clm.read(made)
    assert clm.delete(path_of(wif)).status_code == 202


def test_a_refused_deletion_lets_nothing_go(clm, wif):
    """The order of checks within the transaction must not show."""
    made = clm.create(references=to(wif))
    etag = clm.get(path_of(made)).headers.get("ETag", "*")
    refused(clm.delete(path_of(wif)), 409, "CNF-003")
    assert clm.read(made) == made
    assert clm.get(path_of(made)).headers.get("ETag", "*") == etag
    refused(clm.delete(path_of(wif)), 409, "CNF-003")


def test_force_removes_who_refers(clm, wif):
    made = clm.create(references=to(wif))
    clm.delete(path_of(made))
    assert clm.post(path_of(made) + "/force-delete", json={"reason": "x"}).status_code == 204
    assert clm.delete(path_of(wif)).status_code == 202


def test_a_reference_ends_with_the_last_report(clm, wif):
    made = clm.create(references=to(wif))
    adapters = required_adapters(made)
    clm.delete(path_of(made))
    for adapter in adapters:
        clm.report(made, adapter, finalized="True", generation=2)
    refused(clm.get(path_of(made)), 404, "NTF-001")
    assert clm.items("/clusters", ref_type="wif_config", ref_target_id=wif["id"]) == []


# --- finding -----------------------------------------------------------------------------------

def test_who_refers_is_listed(clm, wif):
    made = [clm.create(references=to(wif), name=unique("a")), clm.create(references=to(wif), name=unique("b"))]
    clm.create()
    found = clm.items("/clusters", ref_type="wif_config", ref_target_id=wif["id"], order="name")
    assert found == made
    found = clm.items("/clusters", ref_type="wif_config", ref_target_id=wif["id"], search=f"name = '{made[1]['name']}'")
    assert found == made[1:]
    assert clm.items("/clusters", ref_type="wif_config", ref_target_id="nope") == []


@pytest.mark.parametrize("given,missing", [("ref_type", "ref_target_id"), ("ref_target_id", "ref_type")])
def test_both_or_neither(clm, given, missing):
    body = refused(clm.get("/clusters", params={given: "wif_config"}), 400, "VAL-000", "Invalid query parameters")
    assert [(item["field"], item["constraint"], item["message"]) for item in body["errors"]] == [
        (missing, "required", "ref_type and ref_target_id must be provided together")]


def test_a_type_that_the_kind_does_not_have(clm):
    refused(clm.get("/clusters", params={"ref_type": "x", "ref_target_id": "y"}), 400, "VAL-000")
    refused(clm.get("/channels", params={"ref_type": "wif_config", "ref_target_id": "y"}), 400, "VAL-000")


def test_resources_takes_them_without_effect(clm):
    made = clm.create("/channels")
    found = clm.items("/resources", ref_type="x", ref_target_id="y", search=f"id = '{made['id']}'")
    assert found == [made]
