"""One cluster from a signed request to the management cluster and back: create, update, delete."""

import json
import subprocess

from region import example, wait_for


def test_a_created_cluster_becomes_available(region):
    created = region.create("one")
    assert created["name"] == "one"
    assert created["generation"] == 1

    cluster = region.await_up(created["id"])

    assert cluster["status"]["phase"] == "Ready"
    assert cluster["status"]["controlPlaneEndpoint"]["host"].startswith("api.one.")
    assert cluster["status"]["controlPlaneEndpoint"]["port"] == 443
    image = example("one")["spec"]["hostedCluster"]["release"]["image"]
    assert cluster["status"]["version"] in image
    assert cluster["status"]["placementRef"]["managementCluster"] == "mc-1"


def test_the_management_cluster_holds_its_objects(region, kubectl):
    created = region.create("objects")
    region.await_up(created["id"])
    namespace = "cluster-" + created["id"]

    hosted = json.loads(kubectl(region.kubeconfig(), "get", "hostedcluster", "objects", "-n", namespace,
                                "-o", "json"))
    pools = json.loads(kubectl(region.kubeconfig(), "get", "nodepools", "-n", namespace, "-o", "json"))
    secret = json.loads(kubectl(region.kubeconfig(), "get", "secret", "pull-secret", "-n", namespace,
                                "-o", "json"))

    spec = example("objects")["spec"]
    assert hosted["spec"]["release"]["image"] == spec["hostedCluster"]["release"]["image"]
    assert hosted["spec"]["pullSecret"]["name"] == "pull-secret"
    assert ".dockerconfigjson" in secret["data"]
    assert [pool["metadata"]["name"] for pool in pools["items"]] == \
        ["objects-" + pool["name"] for pool in spec["nodePools"]]
    conditions = {item["type"]: item["status"] for item in hosted["status"]["conditions"]}
    assert conditions["Available"] == "True"
    assert conditions["Progressing"] == "False"
    assert conditions["Degraded"] == "False"


def test_secrets_that_are_deleted_by_hand_come_back(region, kubectl):
    created = region.create("secrets")
    region.await_up(created["id"])
    kubeconfig, namespace = region.kubeconfig(), "cluster-" + created["id"]
    hosted = json.loads(kubectl(kubeconfig, "get", "hostedcluster", "secrets", "-n", namespace, "-o", "json"))

    for name in (hosted["status"]["kubeconfig"]["name"], hosted["status"]["kubeadminPassword"]["name"]):
        before = json.loads(kubectl(kubeconfig, "get", "secret", name, "-n", namespace, "-o", "json"))
        kubectl(kubeconfig, "delete", "secret", name, "-n", namespace)
        wait_for(lambda: kubectl(kubeconfig, "get", "secret", name, "-n", namespace, "--ignore-not-found"),
                 f"secret {name} to come back")
        after = json.loads(kubectl(kubeconfig, "get", "secret", name, "-n", namespace, "-o", "json"))
        assert after["data"] == before["data"]
        assert after["metadata"]["uid"] != before["metadata"]["uid"]

    region.delete(created["id"])
    region.await_gone(created["id"])
    assert not kubectl(kubeconfig, "get", "secrets", "-n", namespace, "--ignore-not-found")


def test_replicas_and_release_are_updated(region):
    created = region.create("update")
    region.await_up(created["id"])
    spec = example("update")["spec"]
    image = spec["hostedCluster"]["release"]["image"]
    old = region.get(created["id"])["status"]["version"]
    major, minor, patch = old.split(".")[:3]
    new = f"{major}.{minor}.{int(patch) + 1}"
    pools = spec["nodePools"]
    pools[0]["nodePool"]["replicas"] = 5

    response = region.request("PATCH", f"/api/v0/clusters/{created['id']}", {"spec": {
        "hostedCluster": {"release": {"image": image.replace(old, new)}}, "nodePools": pools}})
    assert response.status_code == 200, response.text
    assert response.json()["generation"] == 2

    wait_for(lambda: region.get(created["id"])["status"].get("version") == new, f"version {new}",
             context=lambda: region.get(created["id"]))
    region.await_up(created["id"])
    namespace = "cluster-" + created["id"]
    pool, = [item for item in region.node_pools() if item["metadata"]["namespace"] == namespace]
    assert pool["spec"]["replicas"] == 5
    assert pool["status"]["replicas"] == 5


def test_a_removed_node_pool_goes(region):
    pools = example("pools")["spec"]["nodePools"]
    second = json.loads(json.dumps(pools[0]))
    second["name"] = "extra"
    created = region.create("pools", nodePools=[pools[0], second])
    region.await_up(created["id"])
    namespace = "cluster-" + created["id"]

    def names():
        return sorted(item["metadata"]["name"] for item in region.node_pools()
                      if item["metadata"]["namespace"] == namespace)

    assert names() == sorted(["pools-extra", "pools-" + pools[0]["name"]])
    response = region.request("PATCH", f"/api/v0/clusters/{created['id']}",
                              {"spec": {"nodePools": [pools[0]]}})
    assert response.status_code == 200, response.text
    wait_for(lambda: names() == ["pools-" + pools[0]["name"]], "the node pool to go")


def test_an_equal_update_changes_nothing(region):
    created = region.create("equal")
    region.await_up(created["id"])
    before = region.get(created["id"])

    response = region.request("PATCH", f"/api/v0/clusters/{created['id']}",
                              {"spec": example("equal")["spec"]})

    assert response.status_code == 200, response.text
    assert region.get(created["id"])["generation"] == before["generation"]


def test_a_deleted_cluster_goes_everywhere(region):
    created = region.create("gone")
    region.await_up(created["id"])
    namespace = "cluster-" + created["id"]

    region.delete(created["id"])
    region.await_gone(created["id"])

    assert region.clm("GET", f"/clusters/{created['id']}").status_code == 404
    assert not [item for item in region.hosted_clusters() if item["metadata"]["namespace"] == namespace]
    assert not [item for item in region.node_pools() if item["metadata"]["namespace"] == namespace]
    assert namespace not in [item["metadata"]["name"] for item in region.objects("/api/v1/namespaces")]
    bundles = region.maestro("GET", "/resource-bundles?size=1000").json()["items"]
    assert not [item for item in bundles if created["id"] in json.dumps(item["metadata"])]


def test_deletion_is_in_reverse_order(region):
    """The hosted cluster is gone before the room on the management cluster is given back."""
    created = region.create("reverse")
    region.await_up(created["id"])
    region.delete(created["id"])
    seen_finalized = []

    def gone():
        response = region.clm("GET", f"/clusters/{created['id']}/statuses")
        if response.status_code == 404:
            return True
        finalized = [item["adapter"] for item in response.json()["items"]
                     for condition in item["conditions"]
                     if condition["type"] == "Finalized" and condition["status"] == "True"]
        seen_finalized.append(finalized)
        return False

    wait_for(gone, "the cluster to be gone", interval=0.002)
    for finalized in seen_finalized:
        assert "placement" not in finalized or "hypershift" in finalized


def test_the_name_is_free_again_after_deletion(region):
    first = region.create("again")
    region.await_up(first["id"])
    region.delete(first["id"])
    region.await_gone(first["id"])

    second = region.create("again")

    assert second["id"] != first["id"]
    region.await_up(second["id"])


def test_curl_signs_what_we_accept(region):
    key = region.credentials()
    result = subprocess.run(
        ["curl", "-s", "-w", "%{http_code}", "--aws-sigv4", "aws:amz:us-east-1:execute-api", "--user",
         f"{key.access_key}:{key.secret_key}", "-H", "Content-Type: application/json", "-d",
         json.dumps(example("by-curl")), region.url + "/api/v0/clusters"],
        capture_output=True, text=True, timeout=60)
    assert result.stdout.endswith("201"), result.stdout


def test_the_reference_of_each_part_is_real(region):
    about = region.about
    assert about["pid"] == region.process.pid
    assert region.clm("GET", "/clusters").status_code == 200
    assert region.maestro("GET", "/consumers").json()["items"][0]["name"] == "mc-1"
    assert about["management_clusters"][0]["name"] == "mc-1"
    assert about["frontend"]["account_id"].isdigit()
