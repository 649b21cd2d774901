"""The stand-in Kubernetes API, driven by the real kubectl and by plain HTTP."""

import base64
import concurrent.futures
import json
import os
import pathlib
import subprocess
import threading
import time

import pytest
import requests

from region import BINARY, wait_for

PROGRAM = pathlib.Path(BINARY).parent / "tests" / "e2e" / "kubeapi"
TOKEN = "secret-of-the-test"

WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Colour, type: string, jsonPath: .spec.colour, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 0, maximum: 100, description: How many there are.}
              colour: {type: string, enum: [red, green], default: red}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, weight: {type: integer}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              size: {type: integer}
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status]
                  properties: {type: {type: string}, status: {type: string}}
"""


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.kubeconfig = str(folder / "kubeconfig")
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer " + TOKEN
        self.port = 0
        self.start()

    def start(self):
        self.log = open(self.folder / "log", "ab")
        pathlib.Path(self.kubeconfig).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [PROGRAM, f"sqlite:{self.folder}/objects.db", self.kubeconfig, str(self.port)],
            stdin=subprocess.PIPE, stderr=self.log)
        wait_for(lambda: os.path.exists(self.kubeconfig) or self.process.poll() is not None,
                 "the API to serve", context=self.said)
        assert self.process.poll() is None, self.said()
        server = json.load(open(self.kubeconfig))["clusters"][0]["cluster"]["server"]
        self.port = int(server.rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def said(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(timeout=60) == 0, self.said()
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def call(self, method, path, body=None, status=200, type="application/json", **parameters):
        answer = self.session.request(
            method, self.url + path, params=parameters, timeout=60,
            data=None if body is None else body if isinstance(body, str) else json.dumps(body),
            headers={"Content-Type": type})
        assert answer.status_code == status, answer.text
        return answer.json()

    def apply(self, path, body, manager, status=200, **parameters):
        return self.call("PATCH", path, body, status, "application/apply-patch+yaml",
                         fieldManager=manager, **parameters)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("kubeapi"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def widgets(server):
    server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS, 201,
                "application/yaml")
    return "/apis/example.com/v1/namespaces/default/widgets"


@pytest.fixture
def kc(server, kubectl):
    def run(*arguments, **options):
        return kubectl(server.kubeconfig, *arguments, **options)

    return run


@pytest.fixture
def namespace(server, request):
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    server.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}, 201)
    return name


def widget(name, spec=None, **metadata):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name, **metadata},
            "spec": {"size": 1} if spec is None else spec}


def managers(document):
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"]
            for entry in document["metadata"]["managedFields"]}


# --- kubectl --------------------------------------------------------------------------------------


def test_kubectl_creates_gets_describes_and_deletes(kc):
    kc("create", "configmap", "plain", "--from-literal=a=1")
    assert kc("get", "configmap", "plain", "--no-headers").split()[:2] == ["plain", "1"]
    assert "a:\n----\n1" in kc("describe", "configmap", "plain")
    assert kc("delete", "configmap", "plain") == 'configmap "plain" deleted\n'
    gone = kc("get", "configmap", "plain", check=False)
    assert gone.returncode == 1
    assert 'Error from server (NotFound): configmaps "plain" not found' in gone.stderr


def test_kubectl_apply_configures_and_leaves_alone(kc, namespace, tmp_path):
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1", ports: [{containerPort: 80}]}
      - {name: log, image: "log:1"}
""")
    apply = ("apply", "-n", namespace, "-f", str(manifest))
    assert "created" in kc(*apply)
    assert "unchanged" in kc(*apply)
    version = kc("get", "-n", namespace, "deploy/web", "-o", "jsonpath={.metadata.resourceVersion}")
    manifest.write_text(manifest.read_text().replace("web:1", "web:2"))
    assert "-  " in kc("diff", "-n", namespace, "-f", str(manifest), check=False).stdout
    assert "configured" in kc(*apply)
    seen = json.loads(kc("get", "-n", namespace, "deploy/web", "-o", "json"))
    assert seen["metadata"]["resourceVersion"] != version
    assert seen["metadata"]["generation"] == 2
    assert [c["image"] for c in seen["spec"]["template"]["spec"]["containers"]] == ["web:2", "log:1"]
    assert seen["spec"]["replicas"] == 1  # by default
    # What is no longer in the file goes, by its merge key.
    manifest.write_text(manifest.read_text().replace(
        '      - {name: log, image: "log:1"}\n', ""))
    kc(*apply)
    seen = json.loads(kc("get", "-n", namespace, "deploy/web", "-o", "json"))
    assert [c["name"] for c in seen["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert "web:2" in kc("get", "-n", namespace, "deploy", "-o", "wide")
    assert kc("scale", "-n", namespace, "deploy/web", "--replicas=3")
    assert kc("get", "-n", namespace, "deploy/web", "-o", "jsonpath={.spec.replicas}") == "3"
    kc("set", "image", "-n", namespace, "deploy/web", "web=web:9")
    assert "web:9" in kc("describe", "-n", namespace, "deploy/web")


def test_kubectl_refuses_unknown_fields(kc, namespace, widgets):
    typo = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "typo"},
                       "dta": {"a": "b"}})
    answer = kc("apply", "-n", namespace, "-f", "-", input=typo, check=False)
    assert answer.returncode == 1 and 'unknown field "dta"' in answer.stderr
    answer = kc("create", "-n", namespace, "-f", "-", check=False,
                input=json.dumps(widget("typo", {"size": 1, "colr": "red"})))
    assert answer.returncode == 1 and 'unknown field "spec.colr"' in answer.stderr
    answer = kc("apply", "-n", namespace, "--validate=warn", "-f", "-", check=False, input=typo)
    assert answer.returncode == 0 and 'Warning: unknown field "dta"' in answer.stderr


def test_kubectl_applies_server_side_and_tells_conflicts(kc, namespace, widgets):
    body = json.dumps(widget("shared", {"size": 3}))
    kc("apply", "-n", namespace, "--server-side", "--field-manager=one", "-f", "-", input=body)
    other = body.replace('"size": 3', '"size": 4')
    answer = kc("apply", "-n", namespace, "--server-side", "--field-manager=two", "-f", "-",
                input=other, check=False)
    assert answer.returncode == 1
    assert 'Apply failed with 1 conflict: conflict with "one" using example.com/v1: .spec.size' \
        in answer.stderr.replace("\n", " ")
    kc("apply", "-n", namespace, "--server-side", "--field-manager=two", "--force-conflicts", "-f",
       "-", input=other)
    assert kc("get", "-n", namespace, "wd/shared", "-o", "jsonpath={.spec.size}") == "4"


def test_kubectl_labels_annotates_patches_and_edits(kc, namespace, tmp_path):
    kc("create", "-n", namespace, "configmap", "c", "--from-literal=a=1")
    kc("label", "-n", namespace, "configmap", "c", "tier=gold")
    kc("annotate", "-n", namespace, "configmap", "c", "note=yes")
    kc("patch", "-n", namespace, "configmap", "c", "-p", '{"data":{"b":"2"}}')
    kc("patch", "-n", namespace, "configmap", "c", "--type=merge", "-p", '{"data":{"a":null}}')
    kc("patch", "-n", namespace, "configmap", "c", "--type=json", "-p",
       '[{"op":"add","path":"/data/c","value":"3"}]')
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/c: \"3\"/c: \"4\"/' \"$1\"\n")
    editor.chmod(0o755)
    os.environ["KUBE_EDITOR"] = str(editor)
    assert "edited" in kc("edit", "-n", namespace, "configmap", "c")
    seen = json.loads(kc("get", "-n", namespace, "configmap", "-l", "tier=gold", "-o", "json"))
    assert [item["data"] for item in seen["items"]] == [{"b": "2", "c": "4"}]
    assert kc("get", "-n", namespace, "configmap", "-l", "tier!=gold", "-o", "name") == ""
    assert kc("get", "-n", namespace, "configmap", "-l", "tier in (gold,silver)", "-o", "name")


def test_kubectl_shows_columns_of_a_crd(kc, namespace, widgets):
    kc("create", "-n", namespace, "-f", "-", input=json.dumps(widget("w")))
    kc("patch", "-n", namespace, "widget", "w", "--subresource=status", "--type=merge", "-p",
       '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}')
    lines = [line.split() for line in kc("get", "-n", namespace, "wd", "-o", "wide").splitlines()]
    assert lines == [["NAME", "SIZE", "READY", "COLOUR"], ["w", "1", "True", "red"]]
    assert kc("get", "-n", namespace, "all", "-o", "name") == "widget.example.com/w\n"
    assert kc("wait", "-n", namespace, "--for=condition=Ready", "wd/w", "--timeout=20s")
    assert "How many there are." in kc("explain", "widget.spec.size")
    assert kc("scale", "-n", namespace, "wd/w", "--replicas=7")
    assert kc("get", "-n", namespace, "wd/w", "-o", "jsonpath={.spec.size}") == "7"


def test_kubectl_waits_for_what_comes_later(kc, server, namespace, widgets):
    path = f"/apis/example.com/v1/namespaces/{namespace}/widgets"
    server.call("POST", path, widget("late"), 201)
    threading.Timer(0.5, lambda: server.call(
        "PATCH", path + "/late/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        type="application/merge-patch+json")).start()
    kc("wait", "-n", namespace, "--for=condition=Ready", "wd/late", "--timeout=30s")
    threading.Timer(0.5, lambda: server.call("DELETE", path + "/late")).start()
    kc("wait", "-n", namespace, "--for=delete", "wd/late", "--timeout=30s")


def test_kubectl_watches(kc, server, namespace, kubectl):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    watching = subprocess.Popen(
        ["kubectl", "--kubeconfig", server.kubeconfig, "get", "-n", namespace, "configmap", "-w",
         "--output-watch-events", "--no-headers"], stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    server.call("POST", path, {"metadata": {"name": "seen"}}, 201)
    assert watching.stdout.readline().split()[:3] == ["ADDED", "seen", "0"]
    server.call("PUT", path + "/seen", {"metadata": {"name": "seen"}, "data": {"a": "b"}})
    assert watching.stdout.readline().split()[:3] == ["MODIFIED", "seen", "1"]
    server.call("DELETE", path + "/seen")
    assert watching.stdout.readline().split()[:2] == ["DELETED", "seen"]
    watching.kill()
    watching.wait()


def test_kubectl_deletes_a_namespace_with_its_contents(kc, server, widgets):
    kc("create", "namespace", "full")
    for i in range(5):
        kc("create", "-n", "full", "configmap", f"c{i}")
    kc("create", "-n", "full", "-f", "-", input=json.dumps(widget("w")))
    kc("delete", "namespace", "full", "--timeout=30s")
    assert server.call("GET", "/api/v1/namespaces/full/configmaps")["items"] == []
    assert server.call("GET", "/apis/example.com/v1/namespaces/full/widgets")["items"] == []
    server.call("POST", "/api/v1/namespaces/full/configmaps", {"metadata": {"name": "c"}}, 404)


def test_kubectl_discovers_explains_and_reports_its_version(kc):
    assert "Server Version: v1.32" in kc("version")
    assert "deployments" in kc("api-resources", "--namespaced=true")
    assert "apps/v1" in kc("api-versions")
    assert "containers" in kc("explain", "deployment.spec.template.spec")
    assert kc("get", "--raw", "/readyz") == "ok"
    assert kc("create", "secret", "generic", "s", "--from-literal=a=b")
    assert kc("get", "secret", "s", "-o", "jsonpath={.data.a}") == base64.b64encode(b"b").decode()
    assert kc("create", "serviceaccount", "robot")
    assert kc("create", "role", "reader", "--verb=get", "--resource=pods")
    assert kc("create", "rolebinding", "readers", "--role=reader", "--serviceaccount=default:robot")
    assert "Role/reader" in kc("get", "rolebindings")
    assert kc("create", "service", "clusterip", "svc", "--tcp=80:8080")
    assert "80/TCP" in kc("get", "service", "svc")
    assert kc("create", "job", "j", "--image=busybox")
    assert kc("run", "p", "--image=busybox")
    assert "Pending" in kc("get", "pods")


# --- the API itself -------------------------------------------------------------------------------


def test_without_the_token_nothing_is_served(server):
    answer = requests.get(server.url + "/api/v1/namespaces", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["kind"] == "Status" and answer.json()["reason"] == "Unauthorized"


def test_old_clients_get_openapi_as_protobuf(server):
    answer = server.session.get(server.url + "/openapi/v2", timeout=10, headers={
        "Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"})
    assert answer.headers["Content-Type"] == \
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert answer.content.startswith(b"\x0a\x032.0")
    assert server.call("GET", "/openapi/v2")["swagger"] == "2.0"


def test_empty_values_of_built_in_kinds_are_left_out(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    made = server.call("POST", path, {"data": {}, "metadata": {
        "name": "c", "annotations": {}, "labels": None, "finalizers": []}}, 201)
    assert "data" not in made
    assert not {"annotations", "labels", "finalizers"} & set(made["metadata"])


def test_errors_are_status_documents(server, widgets):
    status = server.call("GET", widgets + "/nothing", status=404)
    assert status["kind"] == "Status" and status["status"] == "Failure" and status["code"] == 404
    assert status["reason"] == "NotFound"
    assert status["details"] == {"name": "nothing", "group": "example.com", "kind": "widgets"}
    status = server.call("POST", widgets, widget("bad", {"size": 101, "colour": "blue"}), 422)
    assert status["reason"] == "Invalid"
    assert {(c["field"], c["reason"]) for c in status["details"]["causes"]} == {
        ("spec.size", "FieldValueInvalid"), ("spec.colour", "FieldValueNotSupported")}
    status = server.call("POST", widgets, widget("bad", {}), 422)
    assert status["details"]["causes"][0]["reason"] == "FieldValueRequired"
    server.call("POST", widgets, widget("twice"), 201)
    assert server.call("POST", widgets, widget("twice"), 409)["reason"] == "AlreadyExists"
    assert server.call("POST", widgets, widget("Bad_Name"), 422)["reason"] == "Invalid"
    assert server.call("POST", "/api/v1/namespaces/none/configmaps",
                       {"metadata": {"name": "x"}}, 404)["details"]["kind"] == "namespaces"
    assert server.call("GET", "/apis/example.com/v2/widgets", status=404)["reason"] == "NotFound"
    assert server.call("POST", widgets, "{", 400)["reason"] == "BadRequest"


def test_unknown_fields_are_pruned_and_defaults_set(server, widgets):
    seen = server.call("POST", widgets, widget("pruned", {
        "size": 1, "wrong": True, "free": {"any": [1, {"thing": None}]}}), 201)
    assert seen["spec"] == {"size": 1, "colour": "red", "free": {"any": [1, {"thing": None}]}}


def test_status_and_spec_are_written_apart(server, widgets):
    made = server.call("POST", widgets, {**widget("sides"), "status": {"size": 9}}, 201)
    assert "status" not in made and made["metadata"]["generation"] == 1
    made["status"] = {"size": 5}
    made["spec"]["size"] = 50
    after = server.call("PUT", widgets + "/sides/status", made)
    assert after["status"] == {"size": 5} and after["spec"]["size"] == 1
    assert after["metadata"]["generation"] == 1
    after["status"] = {"size": 77}
    after["spec"]["size"] = 2
    after = server.call("PUT", widgets + "/sides", after)
    assert after["status"] == {"size": 5} and after["spec"]["size"] == 2
    assert after["metadata"]["generation"] == 2
    after["metadata"]["labels"] = {"a": "b"}
    assert server.call("PUT", widgets + "/sides", after)["metadata"]["generation"] == 2


def test_a_write_without_change_keeps_the_version(server, widgets):
    made = server.call("POST", widgets, widget("still"), 201)
    version = made["metadata"]["resourceVersion"]
    again = server.call("PUT", widgets + "/still", made)
    assert again["metadata"]["resourceVersion"] == version
    again = server.call("PATCH", widgets + "/still", {"spec": {"size": 1}},
                        type="application/merge-patch+json")
    assert again["metadata"]["resourceVersion"] == version
    applied = server.apply(widgets + "/still", widget("still"), "me")
    assert server.apply(widgets + "/still", widget("still"), "me") == applied


def test_an_update_from_an_old_version_conflicts(server, widgets):
    made = server.call("POST", widgets, widget("old"), 201)
    server.call("PUT", widgets + "/old", {**made, "spec": {"size": 2}})
    status = server.call("PUT", widgets + "/old", {**made, "spec": {"size": 3}}, 409)
    assert status["reason"] == "Conflict" and "the object has been modified" in status["message"]


def test_apply_owns_shares_and_removes_fields(server, widgets):
    path = widgets + "/owned"
    first = server.apply(path, widget("owned", {"size": 1, "tags": ["a", "b"], "parts": [
        {"name": "x", "weight": 1}]}), "one", 201)
    assert managers(first)["one", "Apply"] == {"f:spec": {
        "f:size": {}, "f:tags": {'v:"a"': {}, 'v:"b"': {}},
        "f:parts": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:weight": {}}}}}
    both = server.apply(path, widget("owned", {"size": 1, "tags": ["c"], "parts": [
        {"name": "y", "weight": 2}]}), "two")
    assert both["spec"]["tags"] == ["a", "b", "c"]
    assert [part["name"] for part in both["spec"]["parts"]] == ["x", "y"]
    less = server.apply(path, widget("owned", {"size": 1, "tags": ["b"]}), "one")
    assert less["spec"]["tags"] == ["b", "c"]
    assert [part["name"] for part in less["spec"]["parts"]] == ["y"]
    status = server.apply(path, widget("owned", {"size": 2, "parts": [
        {"name": "y", "weight": 3}]}), "three", 409)
    assert status["reason"] == "Conflict"
    assert sorted((c["reason"], c["field"]) for c in status["details"]["causes"]) == [
        ("FieldManagerConflict", '.spec.parts[name="y"].weight'),
        ("FieldManagerConflict", ".spec.size"), ("FieldManagerConflict", ".spec.size")]
    forced = server.apply(path, widget("owned", {"size": 2}), "three", force="true")
    assert forced["spec"]["size"] == 2
    assert "f:size" not in json.dumps(managers(forced)["two", "Apply"])
    server.apply(path, widget("owned", {"size": 3}), "three", 422, force="maybe", fieldValidation="No")
    updated = server.call("PATCH", path, {"spec": {"colour": "green"}},
                          type="application/merge-patch+json", fieldManager="hand")
    assert managers(updated)["hand", "Update"] == {"f:spec": {"f:colour": {}}}


def test_apply_of_a_status_owns_the_status_only(server, widgets):
    server.call("POST", widgets, widget("applied-status"), 201)
    body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "applied-status"},
            "spec": {"size": 99}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    seen = server.apply(widgets + "/applied-status/status", body, "agent")
    assert seen["spec"]["size"] == 1 and seen["status"]["conditions"][0]["status"] == "True"
    entry = next(e for e in seen["metadata"]["managedFields"] if e["manager"] == "agent")
    assert entry["subresource"] == "status" and list(entry["fieldsV1"]) == ["f:status"]


def test_a_dry_run_changes_nothing(server, widgets):
    server.call("POST", widgets, widget("dry"), 201, dryRun="All")
    server.call("GET", widgets + "/dry", status=404)
    made = server.call("POST", widgets, widget("dry"), 201)
    seen = server.call("PUT", widgets + "/dry", {**made, "spec": {"size": 9}}, dryRun="All")
    assert seen["spec"]["size"] == 9
    server.call("DELETE", widgets + "/dry", dryRun="All")
    assert server.call("GET", widgets + "/dry") == made


def test_finalizers_hold_an_object(server, widgets):
    path = widgets + "/held"
    made = server.call("POST", widgets, widget("held", finalizers=["example.com/wait"]), 201)
    marked = server.call("DELETE", path)
    assert marked["kind"] == "Widget" and marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["generation"] == 2
    status = server.call("PATCH", path, {"metadata": {"finalizers": ["example.com/wait", "b/c"]}}, 422,
                         type="application/merge-patch+json")
    assert status["details"]["causes"][0]["field"] == "metadata.finalizers"
    status = server.call("DELETE", path, {"preconditions": {"uid": "other"}}, 409)
    assert status["reason"] == "Conflict"
    server.call("PATCH", path, {"metadata": {"finalizers": None}}, type="application/merge-patch+json")
    server.call("GET", path, status=404)
    gone = server.call("POST", widgets, widget("held"), 201)
    assert gone["metadata"]["uid"] != made["metadata"]["uid"]
    done = server.call("DELETE", path)
    assert done["kind"] == "Status" and done["status"] == "Success"


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_dependents_follow_their_owner(server, widgets, policy):
    name = "owner-" + policy.lower()
    owner = server.call("POST", widgets, widget(name), 201)
    reference = {"apiVersion": "example.com/v1", "kind": "Widget", "name": name,
                 "uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}
    child = server.call("POST", widgets, widget(name + "-child", ownerReferences=[reference]), 201)
    server.call("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {
        "name": name, "ownerReferences": [{**reference, "apiVersion": "example.com/v1"}]}}, 201)
    server.call("DELETE", widgets + "/" + name, {"propagationPolicy": policy})

    def exists(path):
        return server.session.get(server.url + path).status_code == 200

    wait_for(lambda: not exists(widgets + "/" + name), "the owner to go")
    if policy == "Orphan":
        left = server.call("GET", widgets + "/" + name + "-child")
        assert "ownerReferences" not in left["metadata"]
        assert left["metadata"]["uid"] == child["metadata"]["uid"]
        return
    wait_for(lambda: not exists(widgets + "/" + name + "-child"), "the child to go")
    wait_for(lambda: not exists("/api/v1/namespaces/default/configmaps/" + name),
             "the config map to go")


def test_an_object_of_an_owner_that_is_not_there_is_collected(server, widgets):
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never",
                 "uid": "11111111-2222-3333-4444-555555555555"}
    server.call("POST", widgets, widget("stray", ownerReferences=[reference]), 201)
    wait_for(lambda: server.session.get(server.url + widgets + "/stray").status_code == 404,
             "the stray object to go")


def test_lists_come_in_pages_and_by_selector(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for i in range(7):
        server.call("POST", path, {"metadata": {
            "name": f"c{i}", "labels": {"parity": "even" if i % 2 == 0 else "odd"}}}, 201)
    seen, pages, token = [], 0, None
    while True:
        page = server.call("GET", path, limit=3, **({"continue": token} if token else {}))
        assert page["kind"] == "ConfigMapList"
        seen += [item["metadata"]["name"] for item in page["items"]]
        pages += 1
        token = page["metadata"].get("continue")
        if not token:
            break
    assert seen == [f"c{i}" for i in range(7)] and pages == 3

    def names(**parameters):
        return [i["metadata"]["name"] for i in server.call("GET", path, **parameters)["items"]]

    assert names(labelSelector="parity=odd") == ["c1", "c3", "c5"]
    assert names(labelSelector="parity notin (odd)") == ["c0", "c2", "c4", "c6"]
    assert names(labelSelector="!parity") == []
    assert names(fieldSelector="metadata.name=c4") == ["c4"]
    assert names(fieldSelector="metadata.name!=c4", labelSelector="parity=even") == ["c0", "c2", "c6"]
    assert server.call("GET", path, status=400, fieldSelector="data.a=b")["reason"] == "BadRequest"
    server.call("DELETE", path, labelSelector="parity=odd")
    assert names() == ["c0", "c2", "c4", "c6"]


def test_names_are_generated(server, widgets):
    body = widget("")
    body["metadata"] = {"generateName": "made-"}
    names = {server.call("POST", widgets, body, 201)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("made-") for name in names)


class Watch:
    def __init__(self, server, path, **parameters):
        self.answer = server.session.get(server.url + path, params={"watch": "true", **parameters},
                                         stream=True, timeout=60)
        self.lines = self.answer.iter_lines()

    def next(self):
        return json.loads(next(self.lines))

    def names(self, count):
        events = [self.next() for _ in range(count)]
        return [(e["type"], e["object"]["metadata"]["name"]) for e in events]


def test_a_watch_sees_what_a_selector_sees(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = server.call("GET", path)["metadata"]["resourceVersion"]
    watch = Watch(server, path, resourceVersion=version, labelSelector="in=sight")
    merge = "application/merge-patch+json"
    server.call("POST", path, {"metadata": {"name": "a"}}, 201)
    server.call("PATCH", path + "/a", {"metadata": {"labels": {"in": "sight"}}}, type=merge)
    server.call("PATCH", path + "/a", {"data": {"k": "v"}}, type=merge)
    server.call("PATCH", path + "/a", {"metadata": {"labels": {"in": None}}}, type=merge)
    server.call("PATCH", path + "/a", {"data": {"k": "w"}}, type=merge)
    server.call("POST", path, {"metadata": {"name": "b", "labels": {"in": "sight"}}}, 201)
    server.call("DELETE", path + "/b")
    assert watch.names(5) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b"),
                              ("DELETED", "b")]


def test_a_watch_begins_with_what_there_is_and_ends_in_time(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.call("POST", path, {"metadata": {"name": "there"}}, 201)
    watch = Watch(server, path, timeoutSeconds=2, allowWatchBookmarks="true", sendInitialEvents="true",
                  resourceVersionMatch="NotOlderThan")
    assert watch.names(1) == [("ADDED", "there")]
    bookmark = watch.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    last = watch.next()
    assert last["type"] == "BOOKMARK" and "annotations" not in last["object"]["metadata"]
    assert next(watch.lines, None) is None


def test_a_crd_comes_changes_and_goes(server, kc):
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": "gadgets.example.org"},
           "spec": {"group": "example.org", "scope": "Cluster",
                    "names": {"plural": "gadgets", "kind": "Gadget"},
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                        "openAPIV3Schema": {"type": "object", "properties": {
                            "spec": {"type": "object", "properties": {"a": {"type": "string"}}}}}}}]}}
    bad = json.loads(json.dumps(crd))
    bad["spec"]["versions"][0]["storage"] = False
    assert server.call("POST", crds, bad, 422)["reason"] == "Invalid"
    made = server.call("POST", crds, crd, 201)
    assert {c["type"]: c["status"] for c in made["status"]["conditions"]} == {
        "NamesAccepted": "True", "Established": "True"}
    path = "/apis/example.org/v1/gadgets"
    seen = server.call("POST", path, {"metadata": {"name": "g"}, "spec": {"a": "1", "b": "2"}}, 201)
    assert seen["spec"] == {"a": "1"}
    versions = made["spec"]["versions"]
    versions.append(json.loads(json.dumps(versions[0])))
    versions[1].update(name="v2", storage=False)
    versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["b"] = {"type": "string"}
    server.call("PUT", crds + "/gadgets.example.org", made)
    assert server.call("GET", "/apis/example.org/v2/gadgets/g")["apiVersion"] == "example.org/v2"
    assert server.call("PATCH", path + "/g", {"spec": {"b": "2"}},
                       type="application/merge-patch+json")["spec"] == {"a": "1", "b": "2"}
    kc("delete", "crd", "gadgets.example.org", "--timeout=30s")
    server.call("GET", path, status=404)


def test_concurrent_patches_all_count(server, namespace):
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.call("POST", path, {"metadata": {"name": "busy"}}, 201)

    def write(i):
        return server.call("PATCH", path + "/busy", {"data": {f"k{i}": str(i)}},
                           type="application/merge-patch+json")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert len(server.call("GET", path + "/busy")["data"]) == 40


def test_everything_is_there_after_a_kill(tmp_path):
    server = Server(tmp_path)
    server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS, 201,
                "application/yaml")
    path = "/apis/example.com/v1/namespaces/default/widgets"
    before = server.call("POST", path, widget("one"), 201)
    server.call("POST", path, widget("two"), 201)
    server.call("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}}, 201)
    server.kill()
    server.start()
    assert server.call("GET", path + "/one") == before
    # A watch goes on from where it was before, also past a deletion.
    server.call("DELETE", path + "/two")
    server.call("PATCH", path + "/one", {"spec": {"size": 5}}, type="application/merge-patch+json")
    version = before["metadata"]["resourceVersion"]
    assert Watch(server, path, resourceVersion=version).names(2) != []
    server.kill()
    server.start()
    watch = Watch(server, path, resourceVersion=version)
    assert watch.names(2) == [("DELETED", "two"), ("MODIFIED", "one")]
    after = server.call("POST", path, widget("three"), 201)
    assert watch.names(1) == [("ADDED", "three")]
    assert int(after["metadata"]["resourceVersion"]) > int(version)
    expired = server.session.get(server.url + path, params={"watch": "1", "resourceVersion": "99999"})
    assert expired.status_code == 410 and expired.json()["reason"] == "Expired"
    server.stop()
