"""A client of CLM's API: paths below the base, bodies that are valid, whatever it created goes again."""

import itertools
import json
import os
import pathlib
import re
import uuid

import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = "/api/hyperfleet/v1"
TIMEOUT_S = 60
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")

_numbers = itertools.count(1)


def unique(prefix="t"):
    """A name that no other test and no other run uses: at most 15 characters."""
    return f"{prefix}{uuid.uuid4().hex[:6]}{next(_numbers):x}"


def cluster_spec():
    file = os.environ.get("REEVE_CONTRACT_CLUSTER_SPEC")
    if file:
        return json.loads(pathlib.Path(file).read_text())
    return json.loads((ROOT / "docs" / "examples" / "cluster.json").read_text())["spec"]


class Clm:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.created = []  # hrefs

    # --- requests below the base ----------------------------------------------------------------

    def request(self, method, path, **options):
        options.setdefault("timeout", TIMEOUT_S)
        response = self.session.request(method, self.url + BASE + path, **options)
        if method == "POST" and response.status_code == 201:
            self.created.append(response.json()["href"].removeprefix(BASE))
        return response

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def put(self, path, **options):
        return self.request("PUT", path, **options)

    def patch(self, path, **options):
        return self.request("PATCH", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    # --- what tests need often ------------------------------------------------------------------

    def body(self, kind="Cluster", name=None, **members):
        """A create request that is valid; members replace or add, None takes out."""
        body = {"kind": kind, "name": name or unique(), "spec": cluster_spec() if kind == "Cluster" else {}}
        body.update(members)
        return {key: value for key, value in body.items() if value is not None}

    def create(self, path="/clusters", **members):
        response = self.post(path, json=self.body(KINDS[path.rsplit("/", 1)[1]], **members))
        assert response.status_code == 201, response.text
        return response.json()

    def read(self, resource):
        """As it is now."""
        response = self.get(path_of(resource))
        assert response.status_code == 200, response.text
        return response.json()

    def report(self, resource, adapter, available="True", generation=None, finalized=None, **members):
        body = {
            "adapter": adapter,
            "observed_generation": generation or self.read(resource)["generation"],
            "conditions": [{"type": "Available", "status": available, "reason": "R", "message": "m"},
                           {"type": "Applied", "status": "True"}, {"type": "Health", "status": "True"}],
        }
        if finalized:
            body["conditions"].append({"type": "Finalized", "status": finalized})
        body.update(members)
        return self.put(path_of(resource) + "/statuses", json=body)

    def items(self, path, **parameters):
        response = self.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()["items"]

    def clean(self):
        for path in reversed(self.created):
            self.delete(path)
            self.post(path + "/force-delete", json={"reason": "the test is over"})
        self.created.clear()


KINDS = {"clusters": "Cluster", "nodepools": "NodePool", "channels": "Channel", "versions": "Version",
         "wifconfigs": "WifConfig"}


def path_of(resource):
    return resource["href"].removeprefix(BASE)


def condition(resource, kind):
    for item in resource["status"]["conditions"]:
        if item["type"] == kind:
            return item
    return None


def required_adapters(resource):
    """As the conditions at birth name them: configuration is not ours to know."""
    return re.search(r"Available=True: \[(.*?)\]", condition(resource, "Reconciled")["message"])[1].split(", ")


def refused(response, status, code, detail=None):
    """Checks an error's whole form (RFC 9457 with the API's own members); gives its body."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body = response.json()
    assert body["code"] == "HYPERFLEET-" + code, body
    assert body["status"] == status
    assert body["type"].startswith("https://api.hyperfleet.io/errors/")
    assert body["title"]
    assert body["trace_id"] == response.headers["X-Request-ID"]
    assert TIME.fullmatch(body["timestamp"])
    if detail is not None:
        assert body["detail"] == detail
    return body
