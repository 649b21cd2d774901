"""Which paths there are, what they answer to, and what every answer carries."""

import requests

import pytest

from client import BASE, TIME, UUID7, path_of, refused


def test_the_api_describes_itself(base_url):
    response = requests.get(base_url + "/api/hyperfleet", timeout=60)
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["href"], body["kind"]) == ("hyperfleet", "/api/hyperfleet", "API")
    assert body["version"] and body["build_time"]


def test_the_openapi_document_is_served(clm):
    response = clm.get("/openapi")
    assert response.status_code == 200
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    assert response.json()["openapi"].startswith("3.")


def test_an_unknown_path_is_an_unknown_endpoint(clm):
    body = refused(clm.get("/nothing"), 404, "NTF-000", f"The requested endpoint '{BASE}/nothing' does not exist")
    assert body["title"] == "Endpoint Not Found"


def test_an_unknown_resource_is_not_an_unknown_endpoint(clm):
    refused(clm.get("/clusters/nope"), 404, "NTF-001", "Cluster with id='nope' not found")
    refused(clm.get("/resources/nope"), 404, "NTF-001", "Resource with id='nope' not found")


@pytest.mark.parametrize("method,path,allowed", [
    ("PUT", "/clusters", {"GET", "POST"}),
    ("POST", "/clusters/x", {"GET", "PATCH", "DELETE"}),
    ("GET", "/clusters/x/force-delete", {"POST"}),
    ("POST", "/clusters/x/statuses", {"GET", "PUT"}),
])
def test_a_wrong_method_is_told_in_plain_text(clm, method, path, allowed):
    response = clm.request(method, path)
    assert response.status_code == 405
    assert response.headers["Content-Type"].startswith("text/plain")
    assert allowed <= {word.strip() for word in response.headers["Allow"].split(",")}


def test_one_trailing_slash_is_tolerated(clm):
    cluster = clm.create()
    assert clm.get("/clusters/").status_code == 200
    assert clm.get(path_of(cluster) + "/").json()["id"] == cluster["id"]


def test_request_ids_are_fresh_whatever_is_sent(clm):
    sent = "0198c0de-0000-7000-8000-000000000000"
    ids = {clm.get("/clusters", headers={"X-Request-ID": sent}).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3 and sent not in ids
    assert all(UUID7.fullmatch(each) for each in ids)


def test_answers_vary_by_who_asks(clm):
    cluster = clm.create()
    for response in (clm.get("/clusters"), clm.get(path_of(cluster)), clm.get(path_of(cluster) + "/statuses")):
        assert "Authorization" in response.headers["Vary"]
        assert response.headers["Content-Type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("accepted,encoding", [("gzip", "gzip"), ("identity", None)])
def test_answers_are_packed_for_those_who_take_it(clm, accepted, encoding):
    for _ in range(3):
        clm.create()
    response = clm.get("/clusters", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert len(response.json()["items"]) >= 3


def test_an_error_has_the_whole_form(clm):
    body = refused(clm.get("/clusters", params={"page": "x"}), 400, "VAL-000", "Invalid query parameters")
    assert body["type"] == "https://api.hyperfleet.io/errors/validation-error"
    assert body["title"] == "Validation Failed"
    assert body["instance"] == BASE + "/clusters"
    assert TIME.fullmatch(body["timestamp"])
    assert body["errors"] == [{"field": "page", "value": "x", "constraint": "format",
                               "message": "must be a valid integer"}]


@pytest.mark.parametrize("path", ["/clusters/{id}/nodepools", "/clusters/{id}/nodepools/x",
                                  "/clusters/{id}/nodepools/x/statuses"])
def test_a_nested_path_needs_its_parent(clm, path):
    response = clm.get(path.replace("{id}", "nope"))
    body = refused(response, 404, "NTF-001")
    if not path.endswith("statuses"):  # that route checks kind, id and owner only
        assert body["detail"] == "Cluster with id='nope' not found"


def test_children_are_read_flat_and_nested(clm):
    cluster = clm.create()
    pool = clm.create(f"/clusters/{cluster['id']}/nodepools")
    other = clm.create()
    for path in (f"/nodepools/{pool['id']}", path_of(pool), f"/resources/{pool['id']}"):
        assert clm.get(path).json() == pool
    refused(clm.get(f"/clusters/{other['id']}/nodepools/{pool['id']}"), 404, "NTF-001",
            f"NodePool with id='{pool['id']}' not found")
    refused(clm.get(f"/clusters/{pool['id']}"), 404, "NTF-001")


@pytest.mark.parametrize("path", ["/nodepools", "/resources"])
def test_a_child_is_created_under_its_parent_only(clm, path):
    refused(clm.post(path, json=clm.body("NodePool")), 422, "VAL-000",
            'kind "NodePool" is a child kind; create it via /clusters/{id}/nodepools')


def test_the_body_is_checked_before_the_route_for_children(clm):
    refused(clm.post("/nodepools", json={"kind": "NodePool", "spec": {}}), 400, "VAL-000", "name is required")


def test_resources_takes_any_kind(clm):
    made = clm.post("/resources", json=clm.body("Channel"))
    assert made.status_code == 201
    assert made.json()["href"] == f"{BASE}/channels/{made.json()['id']}"
    refused(clm.post("/resources", json=clm.body("Nonsense")), 400, "VAL-000", "Unknown entity kind: Nonsense")
    found = clm.items("/resources", kind="Channel", search=f"id = '{made.json()['id']}'")
    assert [item["id"] for item in found] == [made.json()["id"]]
    refused(clm.get("/resources", params={"kind": "Nonsense"}), 400, "VAL-000", "Unknown entity kind: Nonsense")
