"""Tenants: each sees and changes its own, and learns nothing of what the others have."""

import http.client
import json
import threading

import pytest
import requests

import server as servers
from client import BASE, TIMEOUT_S, Clm, path_of, refused, required_adapters, unique
from issuer import Issuer, Key, bearer

pytestmark = [pytest.mark.reeve, pytest.mark.own]

ANN = {"X-Org": "ann", "X-Project": "p1"}
BOB = {"X-Org": "bob"}
SYSTEM = {"X-System": "true"}

SETTINGS = {"server": {"tenant": {"enabled": True, "system_header": "X-System", "dimensions": [
    {"header": "X-Org", "key": "org_id", "required": True},
    {"header": "X-Project", "key": "project_id"},
]}}}

ENTITIES = [
    *servers.ENTITIES,
    {"kind": "Link", "plural": "links", "references": [{"ref_type": "to", "target_kind": "Channel", "min": 0, "max": 0}]},
]


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tenancy")
    with servers.Server(folder, database, entities=ENTITIES, settings=SETTINGS) as running:
        yield running


def client_of(server, headers):
    client = Clm(server.url)
    client.session.headers.update(headers)
    return client


@pytest.fixture
def ann(server):
    client = client_of(server, ANN)
    yield client
    client.clean()


@pytest.fixture
def bob(server):
    client = client_of(server, BOB)
    yield client
    client.clean()


@pytest.fixture
def system(server):
    return client_of(server, SYSTEM)


def same_answer(seen, unseen, id, none):
    """Of another's resource nothing is told but what is told of none."""
    assert seen.status_code == unseen.status_code, (seen.text, unseen.text)
    told, nothing = seen.text.replace(id, "X"), unseen.text.replace(none, "X")
    if seen.headers["Content-Type"].startswith("application/problem"):
        told, nothing = ({name: value for name, value in json.loads(text).items() if name not in ("timestamp", "trace_id")}
                         for text in (told, nothing))
    assert told == nothing
    assert seen.headers.get("ETag") == unseen.headers.get("ETag")


# --- who is who ----------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"X-Project": "p1"}, {"X-Org": ""}, {"X-Org": "a b"}, {"X-Org": "x" * 64},
                                     {"X-Org": "a/b"}, {"X-Org": "a\"b"}, {"X-Org": "ann", "X-Project": "?"},
                                     {"X-System": "TRUE"}, {"X-System": "false"}, {"X-System": "1"}])
def test_nobody_goes_without_a_tenant(server, headers):
    for method, path in (("GET", "/clusters"), ("POST", "/clusters"), ("GET", "/resources/x"), ("GET", "/clusters/watch")):
        refused(requests.request(method, server.url + BASE + path, headers=headers, timeout=TIMEOUT_S), 403, "AUZ-001")


def test_a_header_that_is_there_twice_is_nobodys(server):
    host, port = server.url.split("//")[1].split(":")
    for lines in (["X-Org: ann", "X-Org: bob"], ["X-Org: ann", "x-org: ann"], ["X-System: true", "X-System: false"]):
        connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
        connection.putrequest("GET", BASE + "/channels")
        for line in lines:
            connection.putheader(*line.split(": "))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 403 and b"more than once" in answer.read()
        connection.close()


def test_the_tenant_is_recorded_by_its_keys(ann, bob):
    assert ann.create("/channels")["tenancy"] == {"org_id": "ann", "project_id": "p1"}
    assert bob.create("/channels")["tenancy"] == {"org_id": "bob"}
    # What a body says of it is not believed.
    answer = bob.post("/channels", json={**bob.body("Channel"), "tenancy": {"org_id": "ann"}})
    assert answer.status_code == 400 or answer.json()["tenancy"] == {"org_id": "bob"}


def test_a_tenant_is_all_of_its_dimensions(server, ann):
    made = ann.create("/channels")
    for headers in ({"X-Org": "ann"}, {"X-Org": "ann", "X-Project": "p2"}, {"X-Org": "Ann", "X-Project": "p1"}):
        assert client_of(server, headers).get(path_of(made)).status_code == 404


# --- what is another's ---------------------------------------------------------------------------

NONE = "00000000-0000-7000-8000-000000000000"
NO_CHILD = "00000000-0000-7000-8000-000000000001"
NO_PARENT = "00000000-0000-7000-8000-000000000002"


@pytest.mark.parametrize("method,suffix,body,headers", [
    ("GET", "", None, {}),
    ("GET", "?include=statuses", None, {}),
    ("GET", "?fields=id", None, {}),
    ("PATCH", "", {"labels": {"a": "b"}}, {}),
    ("PATCH", "", {"labels": {"a": "b"}}, {"If-Match": '"0-0"'}),
    ("PATCH", "", {"labels": {"a": "b"}}, {"If-Match": "*"}),
    ("DELETE", "", None, {}),
    ("DELETE", "", None, {"If-Match": '"0-0"'}),
    ("POST", "/force-delete", {"reason": "r"}, {}),
    ("GET", "/statuses", None, {}),
    ("PUT", "/statuses", {"adapter": "a", "observed_generation": 1, "conditions": [
        {"type": kind, "status": "True"} for kind in ("Available", "Applied", "Health")]}, {}),
    ("GET", "/nodepools", None, {}),
    ("POST", "/nodepools", {"kind": "NodePool", "name": "pool1", "spec": {}}, {}),
    ("GET", "/nodepools/" + NO_CHILD, None, {}),
    ("GET", "/history", None, {}),
])
@pytest.mark.parametrize("base", ["/clusters", "/resources"])
def test_anothers_resource_is_as_none(ann, bob, method, suffix, body, headers, base):
    made = ann.create()
    before = ann.read(made)

    def ask(id):
        return bob.request(method, f"{base}/{id}{suffix}", json=body, headers=headers)
    same_answer(ask(made["id"]), ask(NONE), made["id"], NONE)
    assert ask(made["id"]).status_code >= 400
    assert ann.read(made) == before


def test_anothers_child_is_as_none(ann, bob):
    cluster, own = ann.create(), bob.create()
    pool = ann.create(path_of(cluster) + "/nodepools")
    for parent in (cluster["id"], own["id"], NO_PARENT):
        for suffix in ("", "/statuses"):
            same_answer(bob.get(f"/clusters/{parent}/nodepools/{pool['id']}{suffix}"),
                        bob.get(f"/clusters/{parent}/nodepools/{NONE}{suffix}"), pool["id"], NONE)
    assert bob.items("/nodepools") == [] and len(ann.items("/nodepools")) == 1


def test_lists_and_counts_hold_ones_own(ann, bob):
    anns = {ann.create("/channels", labels={"tier": "gold"})["id"] for _ in range(3)}
    bobs = {bob.create("/channels", labels={"tier": "gold"})["id"] for _ in range(2)}
    for client, ids in ((ann, anns), (bob, bobs)):
        for path in ("/channels", "/resources"):
            for search in (None, "labels.tier='gold'", "kind='Channel'", "labels.tier='gold' or labels.tier!='gold'"):
                body = client.get(path, params={"search": search, "size": 100}).json()
                assert {item["id"] for item in body["items"]} == ids
                assert (body["total"], body["size"]) == (len(ids), len(ids))


@pytest.mark.parametrize("search", [
    "name!='x'", "id!='x' or id='x'", "name='x' or name!='x'", "not name='x'", "name like '%'", "id in ('{id}')",
    "id='{id}' or owner_id='{id}'", "tenancy like '%ann%'", "tenancy!='x' or tenancy='x'", "created_by!='nobody'",
    "(name!='x') or (kind!='x')", "name!='x') or (kind!='x'", "name='x' or 1=1", "name='x'' or ''1''=''1'",
    "generation>=0 or generation<0", "labels.a='b' or not labels.a='b'", "spec.name!='x' or kind!='x'",
    "status.conditions.Reconciled='False' or kind!='x'",
])
def test_no_search_leads_out_of_the_tenant(ann, bob, search):
    made = ann.create()
    answer = bob.get("/clusters", params={"search": search.format(id=made["id"])})
    assert answer.status_code in (200, 400), answer.text
    assert made["id"] not in answer.text and made["name"] not in answer.text
    if answer.status_code == 200:
        assert answer.json()["total"] == 0


@pytest.mark.parametrize("order", ["name", "name desc", "tenancy", "tenancy desc", "created_by asc, id desc"])
def test_no_order_leads_out_of_the_tenant(ann, bob, order):
    made, own = ann.create("/channels"), bob.create("/channels")
    answer = bob.get("/channels", params={"order": order})
    assert answer.status_code in (200, 400), answer.text
    assert made["id"] not in answer.text
    if answer.status_code == 200:
        assert [item["id"] for item in answer.json()["items"]] == [own["id"]]


def test_a_cursor_of_anothers_shows_nothing_of_it(ann, bob):
    own = [bob.create("/channels")["id"]]
    for _ in range(2):
        ann.create("/channels")
    own.append(bob.create("/channels")["id"])
    cursor = ann.get("/channels", params={"after": "", "size": 1}).json()["next"]
    answer = bob.get("/channels", params={"after": cursor}).json()
    assert {item["id"] for item in answer["items"]} <= set(own) and answer["total"] == 2


def test_a_batch_misses_anothers(ann, bob):
    made, own = ann.create("/channels"), bob.create("/channels")
    for path in ("/channels/batch", "/resources/batch"):
        body = bob.post(path, json={"ids": [made["id"], own["id"], NONE]}).json()
        assert [item["id"] for item in body["items"]] == [own["id"]]
        assert body["missing"] == [made["id"], NONE]


def test_a_name_is_free_that_another_has(ann, bob):
    name = unique()
    ann.create("/channels", name=name)
    bob.create("/channels", name=name)
    refused(bob.post("/channels", json=bob.body("Channel", name=name)), 409, "CNF-001")
    assert [item["tenancy"] for item in bob.items("/channels", search=f"name='{name}'")] == [{"org_id": "bob"}]


def test_a_reference_to_anothers_is_as_to_none(ann, bob):
    target = ann.create("/channels")

    def body(id, **members):
        return bob.body("Link", references={"to": [{"id": id, "kind": "Channel"}]}, **members)
    own = bob.post("/links", json=bob.body("Link")).json()
    for ask in (lambda id: bob.post("/links", json=body(id, name="link")),
                lambda id: bob.patch(path_of(own), json={"references": {"to": [{"id": id, "kind": "Channel"}]}}),
                lambda id: bob.get("/links", params={"ref_type": "to", "ref_target_id": id}),
                lambda id: bob.get("/links", params={"search": f"references.to='{id}'"})):
        same_answer(ask(target["id"]), ask(NONE), target["id"], NONE)
    # So nobody can hold what is another's.
    assert ann.delete(path_of(target)).status_code == 202
    assert ann.get(path_of(target)).status_code == 404


def test_a_deletion_stays_within_the_tenant(ann, bob):
    cluster, other = ann.create(), bob.create()
    pool, spared = ann.create(path_of(cluster) + "/nodepools"), bob.create(path_of(other) + "/nodepools")
    assert ann.delete(path_of(cluster)).status_code == 202
    assert ann.read(pool).get("deleted_time") and not bob.read(spared).get("deleted_time")
    assert not bob.read(other).get("deleted_time")


def test_a_history_is_its_tenants_also_of_what_has_gone(ann, bob, system):
    made = ann.create("/channels")
    for gone in (False, True):
        if gone:
            assert ann.delete(path_of(made)).status_code == 202
            assert ann.get(path_of(made)).status_code == 404
        for base in ("/channels", "/resources"):
            assert ann.get(f"{base}/{made['id']}/history").json()["items"]
            assert system.get(f"{base}/{made['id']}/history").json()["items"]
            same_answer(bob.get(f"{base}/{made['id']}/history"), bob.get(f"{base}/{NONE}/history"), made["id"], NONE)
            refused(bob.get(f"{base}/{made['id']}/history"), 404, "NTF-001")


# --- the feed ------------------------------------------------------------------------------------


class Watching(threading.Thread):
    """Collects the lines of a watch until one holds `last`."""

    def __init__(self, client, path, last, **parameters):
        super().__init__(daemon=True)
        self.lines, self.last = [], last
        self.response = client.get(path, params=parameters, stream=True)
        assert self.response.status_code == 200, self.response.text
        self.start()

    def run(self):
        for line in self.response.iter_lines():
            if line and b"heartbeat" not in line:
                self.lines.append(json.loads(line))
                if self.lines[-1]["id"] == self.last():
                    break

    def ended(self):
        self.join(timeout=30)
        assert not self.is_alive(), self.lines
        self.response.close()
        return self.lines


@pytest.mark.parametrize("path", ["/clusters/watch", "/resources/watch"])
@pytest.mark.parametrize("include", [None, "resource"])
def test_a_watch_tells_ones_own(server, ann, bob, system, path, include):
    last = {}
    watching = Watching(bob, path, lambda: last.get("id"), after=0, include=include)
    everything = Watching(system, path, lambda: last.get("id"), after=0, include=include)
    made = ann.create()
    ann.patch(path_of(made), json={"labels": {"a": "b"}})
    pool = ann.create(path_of(made) + "/nodepools")
    own = bob.create()
    last["id"] = bob.create()["id"]
    # The last line may have come before it was known here; one more of it makes sure.
    bob.patch(f"/clusters/{last['id']}", json={"labels": {"c": "d"}})
    lines, all_lines = watching.ended(), everything.ended()
    assert {made["id"], own["id"]} <= {line["id"] for line in all_lines}
    assert own["id"] in {line["id"] for line in lines}
    for line in lines:
        assert line["id"] not in (made["id"], pool["id"]) and line["owner"] != made["id"]
        if line.get("resource"):
            assert line["resource"]["tenancy"] == {"org_id": "bob"}


# --- the system ----------------------------------------------------------------------------------


def test_the_system_sees_all_and_writes_statuses_only(ann, bob, system):
    anns, bobs = ann.create(), bob.create()
    for made in (anns, bobs):
        assert system.read(made)["tenancy"] == made["tenancy"]
        assert system.report(made, required_adapters(made)[0]).status_code == 201
    assert {anns["id"], bobs["id"]} <= {item["id"] for item in system.items("/clusters", size=100)}
    detail = "system identities may only write status and conditions"
    refused(system.post("/clusters", json=system.body()), 403, "AUZ-001", detail)
    refused(system.post(path_of(anns) + "/nodepools", json=system.body("NodePool")), 403, "AUZ-001", detail)
    refused(system.patch(path_of(anns), json={"labels": {}}), 403, "AUZ-001", detail)
    refused(system.delete(path_of(anns)), 403, "AUZ-001", detail)
    refused(system.post(path_of(anns) + "/force-delete", json={"reason": "r"}), 403, "AUZ-001", detail)
    assert system.get(path_of(anns) + "/statuses").json()["total"] == 1


def test_the_system_header_counts_before_a_tenants(server, ann):
    both = client_of(server, {**BOB, **SYSTEM})
    assert both.read(ann.create("/channels"))
    refused(both.post("/channels", json=both.body("Channel")), 403, "AUZ-001")


# --- the region ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer():
    with Issuer(Key("k", "ES256")) as running:
        yield running


@pytest.fixture(scope="module")
def second():
    with Issuer(Key("k", "ES256"), path="/second") as running:
        yield running


@pytest.fixture(scope="module")
def with_region(issuer, second, database, tmp_path_factory):
    """Whom the first issuer calls ops@example.com is the region's own."""
    tenant = {**SETTINGS["server"]["tenant"], "region_callers": [{"issuer": issuer.url, "identity": "ops@example.com"}]}
    settings = {"server": {"tenant": tenant, "jwt": {"enabled": True, "configs": [
        issuer.settings(identity_header="X-Identity"), second.settings(header="X-Second")]}}}
    with servers.Server(tmp_path_factory.mktemp("region"), database, entities=ENTITIES, settings=settings) as running:
        yield running


def test_the_regions_own_belongs_to_no_tenant(with_region, issuer):
    ops = client_of(with_region, bearer(issuer.token(email="ops@example.com")))
    ann = client_of(with_region, {**bearer(issuer.token()), **ANN})
    made = ops.create("/channels")
    try:
        assert made.get("tenancy", {}) == {} and made["created_by"] == "ops@example.com"
        assert ops.read(made) == made
        refused(ann.get(path_of(made)), 404, "NTF-001")
        refused(ann.patch(path_of(made), json={"labels": {}}), 404, "NTF-001")
        anns = ann.create()
        assert ops.read(anns)["tenancy"] == anns["tenancy"]
        pool = ops.create(path_of(anns) + "/nodepools")
        assert ann.read(pool)["tenancy"] == anns["tenancy"]  # its parent's, whoever makes it
        # For a tenant the same caller sees that tenant's only.
        as_ann = client_of(with_region, {**bearer(issuer.token(email="ops@example.com")), **ANN})
        refused(as_ann.get(path_of(made)), 404, "NTF-001")
        assert as_ann.create("/channels")["tenancy"] == {"org_id": "ann", "project_id": "p1"}
        as_ann.clean()
    finally:
        ann.clean()
        ops.clean()


def test_nobody_else_is_the_regions(with_region, issuer, second):
    ops = {"email": "ops@example.com"}
    for headers in (bearer(issuer.token()), bearer(issuer.token(email="OPS@example.com")), bearer(issuer.token(email=None)),
                    {"X-Second": f"Bearer {second.token(**ops)}"},
                    # Who names another is not who is named, nor acts for itself.
                    {**bearer(issuer.token()), "X-Identity": "ops@example.com"},
                    {**bearer(issuer.token(**ops)), "X-Identity": "ann@example.com"},
                    {**bearer(issuer.token(**ops)), "X-Org": ""}, {**bearer(issuer.token(**ops)), "X-Project": "p1"},
                    {**bearer(issuer.token(**ops)), "X-System": "false"}):
        answer = requests.get(with_region.url + BASE + "/channels", headers=headers, timeout=TIMEOUT_S)
        refused(answer, 403, "AUZ-001")
    forged = issuer.token(key=Key("k", "ES256"), **ops)
    refused(requests.get(with_region.url + BASE + "/channels", headers=bearer(forged), timeout=TIMEOUT_S), 401, "AUT-002")
