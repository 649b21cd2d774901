"""The API's description: valid in itself, and the same as what the server does."""

import re

import openapi_spec_validator
import pytest
import requests

from client import BASE, cluster_spec, refused, unique

METHODS = {"get", "post", "put", "patch", "delete"}
PLURALS = ("clusters", "nodepools", "channels", "versions", "wifconfigs", "resources")


@pytest.fixture(scope="module")
def document(base_url):
    response = requests.get(base_url + BASE + "/openapi", timeout=60)
    assert response.status_code == 200
    return response.json()


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item, item[method]


def resolve(document, node):
    while "$ref" in node:
        found = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


# --- in itself ---------------------------------------------------------------------------------

@pytest.mark.reeve
def test_it_is_whole(document):
    assert document["openapi"].startswith("3.0.")
    assert set(document) == {"openapi", "info", "servers", "paths", "components"}
    assert [server["url"] for server in document["servers"]] == [BASE]
    assert not re.search(r"<(kind|kinds|operation|spec)>", str(document))
    for reference in set(references(document)):
        assert reference.startswith("#/")
        assert resolve(document, {"$ref": reference})
    ids = [operation["operationId"] for _, _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


@pytest.mark.reeve
def test_it_follows_the_standard(document):
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV30SpecValidator)


@pytest.mark.reeve
def test_variables_of_paths_are_declared(document):
    for path, method, item, operation in operations(document):
        given = [resolve(document, each) for each in item.get("parameters", []) + operation.get("parameters", [])]
        declared = {each["name"] for each in given if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), (method, path)
        assert all(each["required"] for each in given if each["in"] == "path")


@pytest.mark.reeve
def test_specs_are_those_that_are_checked(document, clm):
    schemas = document["components"]["schemas"]
    spec = resolve(document, {"$ref": schemas["ClusterCreateRequest"]["allOf"][1]["properties"]["spec"]["$ref"]})
    assert spec is schemas["ClusterSpec"]
    assert spec["additionalProperties"] is False
    assert set(cluster_spec()) <= set(spec["properties"])


# --- against the server ------------------------------------------------------------------------

@pytest.mark.reeve
def test_every_kind_has_every_path(document):
    for plural in PLURALS:
        for suffix in ("", "/watch", "/batch", "/{id}", "/{id}/force-delete", "/{id}/statuses"):
            assert f"/{plural}{suffix}" in document["paths"]
    assert "/clusters/{parent_id}/nodepools/{id}/statuses" in document["paths"]
    assert "/channels/{parent_id}/versions/{id}/force-delete" in document["paths"]
    assert "post" in document["paths"]["/clusters/{parent_id}/nodepools"]
    assert "post" not in document["paths"]["/nodepools"]  # which is 422


@pytest.mark.reeve
def test_paths_take_the_methods_that_are_described(document, clm):
    for path, item in document["paths"].items():
        more = {"post"} if path in ("/nodepools", "/versions") else set()
        if path.endswith(("/watch", "/batch")):
            more = METHODS  # it might be the id of a resource
        target = re.sub(r"{\w+}", "x", path)
        response = clm.request("TRACE", target)
        assert response.status_code == 405, path
        allowed = {word.strip().lower() for word in response.headers["Allow"].split(",")} - {"head"}
        assert METHODS & item.keys() <= allowed <= (METHODS & item.keys()) | more, path


@pytest.mark.reeve
def test_answers_are_among_those_described(document, clm):
    """Each operation on what is not there, with a body of nonsense."""
    for path, method, _, operation in operations(document):
        if path.endswith("/watch"):
            continue  # its answer does not end
        response = clm.request(method.upper(), re.sub(r"{\w+}", "x", path), json={"nonsense": []})
        assert str(response.status_code) in operation["responses"], (method, path, response.text)
        if response.status_code >= 400:
            refused(response, response.status_code, response.json()["code"].removeprefix("HYPERFLEET-"))
            assert response.json()["code"] != "HYPERFLEET-NTF-000", path


@pytest.mark.reeve
def test_a_watch_is_described_by_its_type(document, clm):
    described = document["paths"]["/clusters/watch"]["get"]["responses"]["200"]
    with clm.get("/clusters/watch", stream=True) as response:
        assert response.headers["Content-Type"].split(";")[0] in described["content"]
    refused(clm.get("/clusters/watch", params={"after": 2 ** 60}), 410, "VAL-005")


@pytest.mark.reeve
def test_described_headers_are_sent(document, clm):
    made = clm.post("/channels", json={"kind": "Channel", "name": unique(), "spec": {}})
    described = document["paths"]["/channels"]["post"]["responses"]["201"]["headers"]
    assert {"ETag", "X-Request-ID", "Hyperfleet-Epoch"} == set(described)
    assert set(described) <= {name for name in described if name in made.headers}


# --- the page ----------------------------------------------------------------------------------

@pytest.mark.reeve
def test_the_page_needs_nothing_from_elsewhere(clm):
    response = clm.get("/openapi.html")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert not re.search(r"https?:|src=|@import|url\(|<link|import\(", response.text)
    assert 'fetch("openapi")' in response.text
    assert "innerHTML" not in response.text  # what the document holds becomes text


def test_the_page_is_a_page(clm):
    response = clm.get("/openapi.html")
    assert response.status_code == 200
    assert "<html" in response.text.lower()
