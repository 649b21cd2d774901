"""Wrong requests, flags and files: one clear sentence, and nothing changes."""

import datetime
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import botocore.credentials
import pytest
from freezer import frozen_botocore  # a clock for the signer

from region import BINARY, Region, example, wait_for


def refused(response, status, *words):
    assert response.status_code == status, response.text
    body = response.json()
    assert body["kind"] == "Error"
    assert body["code"]
    text = json.dumps(body)
    for word in words:
        assert word in text, text
    return body


def count(region):
    return region.request("GET", "/api/v0/clusters?limit=1").json()["total"]


@pytest.fixture
def unchanged(region):
    """Nothing may have been created by the test."""
    before = count(region)
    yield
    assert count(region) == before


def test_no_signature(region, unchanged):
    refused(region.request("POST", "/api/v0/clusters", example("x"), sign=False), 403, "Authorization")


def test_wrong_secret(region, unchanged):
    key = region.credentials()
    wrong = botocore.credentials.Credentials(key.access_key, "0" * 40)
    body = refused(region.request("POST", "/api/v0/clusters", example("x"), credentials=wrong), 403,
                   "signature")
    assert key.secret_key not in json.dumps(body)


def test_unknown_key(region, unchanged):
    stranger = botocore.credentials.Credentials("AKIAUNKNOWNUNKNOWN00", "0" * 40)
    refused(region.request("POST", "/api/v0/clusters", example("x"), credentials=stranger), 403,
            "AKIAUNKNOWNUNKNOWN00")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_skewed_clock(region, unchanged, minutes):
    with frozen_botocore(datetime.timedelta(minutes=minutes)):
        refused(region.request("POST", "/api/v0/clusters", example("x")), 403, "clock")


def test_a_body_that_was_changed_after_signing(region, unchanged):
    import botocore.auth
    import botocore.awsrequest
    request = botocore.awsrequest.AWSRequest("POST", region.url + "/api/v0/clusters",
                                             data=json.dumps(example("signed")),
                                             headers={"Content-Type": "application/json"})
    botocore.auth.SigV4Auth(region.credentials(), "execute-api", "us-east-1").add_auth(request)
    response = region.session.post(request.url, data=json.dumps(example("forged")),
                                   headers=dict(request.headers.items()))
    refused(response, 403)


@pytest.mark.parametrize("body,words", [
    (b"{", ["line 1"]),
    (b"", []),
    (b'{"name":"x","spec":{}} trailing', ["line 1"]),
    (b'{"name":"x","name":"y","spec":{}}', ["duplicate", "name"]),
    (b'{"name":"\xff","spec":{}}', ["UTF-8"]),
    (b'[]', []),
    (b'{"spec":{}}', ["name"]),
    (b'{"name":"x"}', ["spec"]),
])
def test_malformed_bodies(region, unchanged, body, words):
    refused(region.request("POST", "/api/v0/clusters", body), 400, *words)


def test_an_unknown_member_is_named(region, unchanged):
    body = example("x")
    body["nmae"] = "typo"
    refused(region.request("POST", "/api/v0/clusters", body), 400, "nmae")


def test_an_unknown_field_of_the_spec_is_named_with_its_path(region, unchanged):
    refused(region.request("POST", "/api/v0/clusters", example("x", hostedCluster__relaese={})), 422,
            "spec.hostedCluster.relaese")


def test_a_wrong_type_is_named_with_its_path(region, unchanged):
    body = refused(region.request("POST", "/api/v0/clusters",
                                  example("x", nodePools__0__nodePool__replicas="three")), 422,
                   "spec.nodePools[0].nodePool.replicas", "integer")
    assert body["code"] == "CLUSTERS-MGMT-VALIDATION-001"


def test_two_node_pools_of_one_name_are_refused(region, unchanged):
    body = example("x")
    body["spec"]["nodePools"] *= 2
    refused(region.request("POST", "/api/v0/clusters", body), 422, "spec.nodePools[1]")


def test_a_field_that_is_ours_cannot_be_set(region, unchanged):
    refused(region.request("POST", "/api/v0/clusters", example("x", accountId="999999999999")), 422,
            "spec.accountId")


def test_a_taken_name(region):
    region.create("taken")
    before = count(region)
    refused(region.request("POST", "/api/v0/clusters", example("taken")), 409, "taken",
            "CLUSTERS-MGMT-CREATE-005")
    assert count(region) == before


@pytest.mark.parametrize("name", ["", "UPPER", "has space", "-dash", "x" * 60, "a_b"])
def test_bad_names(region, unchanged, name):
    response = region.request("POST", "/api/v0/clusters", example(name))
    assert response.status_code in (400, 422), response.text
    assert "name" in response.text.lower()


def test_an_oversized_body(region, unchanged):
    body = example("x")
    body["spec"]["properties"] = {"big": "y" * (9 << 20)}
    response = region.request("POST", "/api/v0/clusters", body)
    assert response.status_code == 413, response.text


def test_an_oversized_body_that_is_sent_before_anything_is_read(region, unchanged):
    connection = http.client.HTTPConnection(region.url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/api/v0/clusters", body=b"x" * (50 << 20))
    response = connection.getresponse()
    assert response.status == 413
    assert "limit" in json.loads(response.read())["reason"]


def test_a_truncated_body(region, unchanged):
    host, port = region.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /api/v0/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"na")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(40)
        while connection.recv(4096):
            pass
    region.session.close()  # as long idle as the truncated request, so the server may be closing its connections


def test_unknown_cluster(region):
    refused(region.request("GET", "/api/v0/clusters/nope"), 404, "CLUSTERS-MGMT-GET-001")
    refused(region.request("DELETE", "/api/v0/clusters/nope"), 404)
    refused(region.request("PATCH", "/api/v0/clusters/nope", {"spec": {}}), 404)


# --- flags, files, ports ----------------------------------------------------------------------

def up(*arguments, environment=None):
    return subprocess.run([BINARY, "up", *arguments], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **(environment or {})))


def said(result, *words):
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if line.startswith("reeve: ")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize("arguments,words", [
    (["--prot", "1"], ["--prot"]),
    (["--port", "x"], ["--port", "x"]),
    (["--port", "70000"], ["70000"]),
    (["--port"], ["--port"]),
    (["--management-clusters", "0"], ["--management-clusters"]),
    (["--step", "fast"], ["--step", "fast"]),
    (["--step", "-1s"], ["--step", "-1s"]),
    (["--log-level", "loud"], ["loud", "debug"]),
    (["extra"], ["extra"]),
    (["--kubeconfig", "/nonexistent"], ["/nonexistent"]),
])
def test_wrong_flags(tmp_path, arguments, words):
    said(up("--dir", str(tmp_path), *arguments), *words)


def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said(up("--dir", str(tmp_path), "--port", str(port)), str(port), "in use")


def test_a_state_folder_in_use(region):
    said(up("--dir", str(region.folder), "--port", "0"), str(region.folder), "in use",
         str(region.process.pid))


def test_a_state_folder_of_a_newer_version(tmp_path):
    (tmp_path / "state.json").write_text('{"layout": 99, "ports": {}}')
    said(up("--dir", str(tmp_path)), "newer", "99")


def test_a_damaged_state_file(tmp_path):
    (tmp_path / "state.json").write_text('{"layout": ')
    said(up("--dir", str(tmp_path)), "state.json", "damaged")


@pytest.mark.parametrize("database", ["clm.db", "maestro.db"])
def test_a_damaged_database(tmp_path, database):
    with Region(tmp_path):
        pass
    for extra in ("-wal", "-shm"):
        pathlib.Path(str(tmp_path / database) + extra).unlink(missing_ok=True)
    (tmp_path / database).write_bytes(b"this is not a database, by any measure" * 200)
    said(up("--dir", str(tmp_path), "--port", "0"), database)


def test_a_missing_broker(tmp_path):
    """In a mount name space of its own, where the folders of system daemons are empty."""
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c",
         'for f in /usr/local/sbin /usr/sbin /sbin; do mount -t tmpfs none $f || exit 77; done; exec "$@"',
         "sh", BINARY, "up", "--dir", str(tmp_path / "state"), "--port", "0"],
        capture_output=True, text=True, timeout=60)
    if result.returncode == 77 or result.stderr.startswith("unshare"):
        pytest.skip("this machine does not allow a private mount: " + result.stderr.strip())
    said(result, "mosquitto", "apt-get install")


def test_a_kubeconfig_that_does_not_answer(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}))
    said(up("--dir", str(tmp_path / "state"), "--port", "0", "--kubeconfig", str(config)), str(config),
         f"127.0.0.1:{port}")


def test_nothing_is_left_after_ctrl_c(tmp_path):
    region = Region(tmp_path).start()
    pids = [region.about["pid"]] + [item["pid"] for item in region.about["management_clusters"]]
    children = subprocess.run(["pgrep", "-P", str(region.process.pid)], capture_output=True, text=True)
    pids += [int(line) for line in children.stdout.split()]
    assert len(set(pids)) >= 3

    region.stop()

    assert region.process.returncode == 0
    assert not (tmp_path / "region.json").exists()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), "all to end")


def test_nothing_is_left_after_kill(tmp_path):
    region = Region(tmp_path).start()
    children = [int(line) for line in subprocess.run(
        ["pgrep", "-P", str(region.process.pid)], capture_output=True, text=True).stdout.split()]
    region.kill()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children), "all to end")
