"""Deletion: marks, trees, restrictions, finalizing, force."""

import pytest

from client import condition, path_of, refused, required_adapters


def finalize(clm, resource, **changes):
    for adapter in required_adapters(resource):
        answer = clm.report(resource, adapter, finalized="True", **changes)
        assert answer.status_code == 201, answer.text


def test_deletion_is_a_mark(clm):
    made = clm.create()
    answer = clm.delete(path_of(made))
    assert answer.status_code == 202
    marked = answer.json()
    assert marked["generation"] == 2
    assert marked["deleted_time"] > made["created_time"] and marked["deleted_by"] == "system@hyperfleet.local"
    assert marked["updated_by"] == made["updated_by"]
    item = condition(marked, "Reconciled")
    assert (item["status"], item["reason"]) == ("False", "ReconciledMissingAdapters")
    names = ", ".join(sorted(required_adapters(made)))
    assert item["message"] == f"Required adapters not reporting Finalized=True: [{names}]. Currently reporting: []"


def test_what_is_marked_is_still_read_and_listed(clm):
    made = clm.create()
    marked = clm.delete(path_of(made)).json()
    assert clm.read(made) == marked
    assert clm.items("/clusters", search=f"id = '{made['id']}'") == [marked]


def test_a_second_delete_changes_nothing(clm):
    made = clm.create()
    first, second = clm.delete(path_of(made)), clm.delete(path_of(made))
    assert (first.status_code, second.status_code) == (202, 202)
    for member in ("deleted_time", "deleted_by", "generation", "updated_by"):
        assert second.json()[member] == first.json()[member]


def test_a_kind_without_adapters_goes_at_once(clm):
    made = clm.create("/channels")
    answer = clm.delete(path_of(made))
    assert answer.status_code == 202
    assert answer.json()["deleted_time"] and answer.json()["generation"] == 2
    refused(clm.get(path_of(made)), 404, "NTF-001", f"Channel with id='{made['id']}' not found")
    refused(clm.delete(path_of(made)), 404, "NTF-001")


def test_a_living_child_restricts(clm):
    channel = clm.create("/channels")
    version = clm.create(f"/channels/{channel['id']}/versions")
    refused(clm.delete(path_of(channel)), 409, "CNF-003",
            f"Cannot delete Channel '{channel['id']}': active Version(s) exist")
    assert clm.read(channel) == channel  # nothing of it was done
    assert clm.delete(path_of(version)).status_code == 202
    assert clm.delete(path_of(channel)).status_code == 202
    refused(clm.get(path_of(channel)), 404, "NTF-001")


def test_children_are_marked_with_their_parent(clm):
    cluster = clm.create()
    pools = [clm.create(f"/clusters/{cluster['id']}/nodepools") for _ in range(3)]
    early = clm.delete(path_of(pools[0])).json()
    clm.delete(path_of(cluster))
    assert clm.read(pools[0]) == early  # marked before: not again
    for pool in pools[1:]:
        now = clm.read(pool)
        assert now["generation"] == 2 and now["deleted_time"]


def test_it_goes_when_all_have_finalized(clm):
    made = clm.create()
    clm.delete(path_of(made))
    *some, last = required_adapters(made)
    for adapter in some:
        assert clm.report(made, adapter, finalized="True").status_code == 201
    item = condition(clm.read(made), "Reconciled")
    assert item["message"] == (f"Required adapters not reporting Finalized=True: [{last}]. "
                               f"Currently reporting: [{', '.join(sorted(some))}]")
    answer = clm.report(made, last, finalized="True", generation=2)
    assert answer.status_code == 201 and answer.json()["adapter"] == last
    refused(clm.get(path_of(made)), 404, "NTF-001")
    refused(clm.get(path_of(made) + "/statuses"), 404, "NTF-001")
    refused(clm.report(made, last, finalized="True", generation=2), 404, "NTF-001")


def test_finalized_is_what_counts_not_available(clm):
    made = clm.create()
    clm.delete(path_of(made))
    for adapter in required_adapters(made):
        assert clm.report(made, adapter, available="False", finalized="True", generation=2).status_code == 201
    refused(clm.get(path_of(made)), 404, "NTF-001")


def test_a_first_report_that_finalizes_counts_although_it_knows_nothing_else(clm):
    made = clm.create()
    clm.delete(path_of(made))
    for adapter in required_adapters(made):
        assert clm.report(made, adapter, available="Unknown", finalized="True", generation=2).status_code == 201
    refused(clm.get(path_of(made)), 404, "NTF-001")


def test_a_report_that_is_dropped_finalizes_nothing(clm):
    made = clm.create()
    clm.delete(path_of(made))
    *some, last = required_adapters(made)
    for adapter in some:
        clm.report(made, adapter, finalized="True", generation=2)
    assert clm.report(made, last, generation=2).status_code == 201
    assert clm.report(made, last, available="Unknown", finalized="True", generation=2).status_code == 204
    assert condition(clm.read(made), "Reconciled")["status"] == "False"


def test_finalized_by_others_than_the_required_does_not_count(clm):
    made = clm.create()
    clm.delete(path_of(made))
    assert clm.report(made, "somebody-else", finalized="True", generation=2).status_code == 201
    assert clm.read(made)["deleted_time"]


def test_finalized_of_an_earlier_generation_does_not_count(clm):
    made = clm.create()
    finalize(clm, made)
    clm.delete(path_of(made))
    *_, last = required_adapters(made)
    assert clm.report(made, last, finalized="True", generation=2).status_code == 201
    assert condition(clm.read(made), "Reconciled")["status"] == "False"


def test_a_parent_waits_for_its_children(clm):
    cluster = clm.create()
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    clm.delete(path_of(cluster))
    finalize(clm, cluster)
    assert clm.get(path_of(cluster)).status_code == 200
    finalize(clm, pool)
    refused(clm.get(path_of(pool)), 404, "NTF-001")


@pytest.mark.reeve
def test_a_parent_goes_with_its_last_child(clm):
    """The original's parent waits for one more report, and reads as reconciled meanwhile (Q1)."""
    cluster = clm.create()
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    clm.delete(path_of(cluster))
    finalize(clm, cluster)
    item = condition(clm.read(cluster), "Reconciled")
    assert (item["status"], item["reason"], item["message"]) == (
        "False", "ReconciledWaitingForChildren",
        "Deletion in progress. All required adapters reported Finalized=True but child resources still exist")
    finalize(clm, pool)
    refused(clm.get(path_of(cluster)), 404, "NTF-001")


# --- by force ----------------------------------------------------------------------------------

def test_force_needs_a_mark(clm):
    made = clm.create()
    refused(clm.post(path_of(made) + "/force-delete", json={"reason": "x"}), 409, "CNF-003",
            f"Cluster '{made['id']}' is not in Finalizing state")
    refused(clm.post("/clusters/nope/force-delete", json={"reason": "x"}), 404, "NTF-001")


@pytest.mark.parametrize("prefix", ["/clusters", "/resources"])
def test_force_removes_the_whole_tree(clm, prefix):
    cluster = clm.create()
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    clm.report(cluster, required_adapters(cluster)[0])
    clm.delete(path_of(cluster))
    answer = clm.post(f"{prefix}/{cluster['id']}/force-delete", json={"reason": "stuck"})
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (cluster, pool):
        refused(clm.get(path_of(gone)), 404, "NTF-001")
        refused(clm.get(path_of(gone) + "/statuses"), 404, "NTF-001")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x" * 1025}, {"reason": 1}])
def test_force_needs_a_reason(clm, body):
    made = clm.create()
    clm.delete(path_of(made))
    refused(clm.post(path_of(made) + "/force-delete", json=body), 400, "VAL-000")
    assert clm.get(path_of(made)).status_code == 200


def test_a_reason_is_counted_in_characters(clm):
    made = clm.create()
    clm.delete(path_of(made))
    assert clm.post(path_of(made) + "/force-delete", json={"reason": "ä" * 1024}).status_code == 204
