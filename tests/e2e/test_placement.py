"""Two management clusters: load is shared by free capacity; what fits nowhere says so and waits."""

import contextlib
import json
import sqlite3

from region import condition_of, wait_for


def hosted_by(region):
    return [len(region.hosted_clusters(index)) for index in range(2)]


def test_load_is_shared(new_region):
    region = new_region("--management-clusters", "2", "--capacity", "10")
    created = [region.create(f"share-{number}") for number in range(6)]
    for cluster in created:
        region.await_up(cluster["id"])
    assert hosted_by(region) == [3, 3]


def test_what_fits_nowhere_waits_and_is_placed_as_soon_as_room_appears(new_region):
    region = new_region("--management-clusters", "2", "--capacity", "1")
    first, second = region.create("full-1"), region.create("full-2")
    for cluster in (first, second):
        region.await_up(cluster["id"])
    third = region.create("waits")

    waiting = region.await_condition(third["id"], "Placed", status="False")
    assert waiting["status"]["phase"] == "WaitingForPlacement"
    condition = condition_of(waiting, "Placed")
    assert condition["reason"] == "NoCapacity"
    assert condition["message"]
    assert sum(hosted_by(region)) == 2

    region.delete(first["id"])
    region.await_up(third["id"])
    region.await_gone(first["id"])
    assert sorted(hosted_by(region)) == [1, 1]


def test_a_larger_capacity_is_room(new_region):
    region = new_region("--management-clusters", "1", "--capacity", "1")
    region.await_up(region.create("one")["id"])
    waits = region.create("two")
    region.await_condition(waits["id"], "Placed", status="False")
    cluster, = region.clm("GET", "/management_clusters").json()["items"]
    cluster["spec"]["capacity"]["hostedClusters"] = 2

    response = region.clm("PATCH", f"/management_clusters/{cluster['id']}", json={"spec": cluster["spec"]})

    assert response.status_code == 200, response.text
    region.await_up(waits["id"])


def test_a_deleted_cluster_that_was_never_placed_goes(new_region):
    region = new_region("--management-clusters", "1", "--capacity", "1")
    region.await_up(region.create("one")["id"])
    waits = region.create("two")
    region.await_condition(waits["id"], "Placed", status="False")
    region.delete(waits["id"])
    region.await_gone(waits["id"])


def test_a_cordoned_management_cluster_takes_no_more(new_region):
    region = new_region("--management-clusters", "2", "--capacity", "10")
    clusters = {item["name"]: item for item in region.clm("GET", "/management_clusters").json()["items"]}
    spec = dict(clusters["mc-1"]["spec"], cordoned=True)
    response = region.clm("PATCH", f"/management_clusters/{clusters['mc-1']['id']}", json={"spec": spec})
    assert response.status_code == 200, response.text
    for number in range(3):
        region.await_up(region.create(f"cordon-{number}")["id"])
    assert hosted_by(region) == [0, 3]


def test_everything_is_found_again_after_a_restart(new_region):
    region = new_region("--management-clusters", "1")
    created = region.create("stays")
    before = region.await_up(created["id"])
    region.stop()
    region.start()
    after = region.get(created["id"])
    assert after["status"]["phase"] == "Ready"
    assert after["generation"] == before["generation"]
    wait_for(lambda: len(region.hosted_clusters()) == 1, "the hosted cluster")
    other = region.create("more")
    region.await_up(other["id"])


def test_all_management_clusters_are_found_again_after_a_restart(new_region):
    region = new_region("--management-clusters", "2", "--capacity", "1")
    for name in ("one", "two"):
        region.await_up(region.create(name)["id"])
    region.stop()
    region.options = []
    region.start()
    assert [item["name"] for item in region.about["management_clusters"]] == ["mc-1", "mc-2"]
    assert hosted_by(region) == [1, 1]


def test_fewer_management_clusters_than_there_are_is_refused(new_region):
    region = new_region("--management-clusters", "2")
    region.stop()
    region.options = ["--management-clusters", "1"]
    region.start(wait=False)
    assert region.process.wait(timeout=60) != 0
    assert "fewer than the 2" in region.said()


def change_state(region, change):
    file = region.folder / "state.json"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_folder_from_before_the_number_was_kept_has_its_management_clusters(new_region):
    region = new_region("--management-clusters", "2")
    region.stop()
    change_state(region, lambda document: document.pop("management_clusters"))
    region.options = []
    region.start()
    assert [item["name"] for item in region.about["management_clusters"]] == ["mc-1", "mc-2"]


def test_a_damaged_number_of_management_clusters_is_refused(new_region):
    region = new_region("--management-clusters", "1")
    region.stop()
    change_state(region, lambda document: document.update(management_clusters=-3))
    region.start(wait=False)
    assert region.process.wait(timeout=60) != 0
    assert "management_clusters is -3" in region.said()


def test_secrets_that_went_while_nobody_looked_come_back(new_region):
    region = new_region("--management-clusters", "1")
    created = region.create("secrets")
    region.await_up(created["id"])
    secrets = lambda: {item["metadata"]["name"] for item in region.objects("/api/v1/secrets")
                       if item["metadata"]["name"] != "pull-secret"}
    wanted = secrets()
    assert len(wanted) == 2
    region.stop()
    database, = (region.folder / "management-clusters" / "mc-1").glob("**/*.db")
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute("DELETE FROM objects WHERE resource = 'secrets' AND name <> 'pull-secret'").rowcount == 2
    region.start()
    wait_for(lambda: secrets() == wanted, "both secrets to come back")
