"""`reeve serve clm`: CLM's API as a process, with the original's configuration file."""

import json
import os
import pathlib
import signal
import subprocess

import pytest
import requests
import yaml

from region import BINARY, wait_for

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = "/api/hyperfleet/v1"


def configuration(folder, **database):
    document = {
        "server": {"host": "127.0.0.1", "port": 0, "jwt": {"enabled": False},
                   "openapi_schema_path": str(ROOT / "config" / "openapi.yaml")},
        "health": {"host": "127.0.0.1", "port": 0},
        "metrics": {"host": "127.0.0.1", "port": 0},
        "database": database or {"url": f"sqlite:{folder}/clm.db"},
        "entities": yaml.safe_load((ROOT / "config" / "entities.yaml").read_text())["entities"],
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def cluster(name):
    spec = json.loads((ROOT / "docs" / "examples" / "cluster.json").read_text())["spec"]
    return {"kind": "Cluster", "name": name, "labels": {"team": "a"}, "spec": spec}


class Clm:
    def __init__(self, folder, *options, config=None, **variables):
        self.ready = folder / "ready.json"
        config = config or configuration(folder)
        self.process = subprocess.Popen(
            [BINARY, "serve", "clm", "--config", str(config), "--ready-file", str(self.ready), *options],
            env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        def ready():
            assert self.process.poll() is None, self.process.stdout.read().decode()
            # One that was killed leaves its file; the next removes it first.
            return self.ready.exists() and json.loads(self.ready.read_text())["pid"] == self.process.pid

        wait_for(ready, "CLM")
        self.about = json.loads(self.ready.read_text())
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)

    def create(self, name):
        return requests.post(self.about["url"] + BASE + "/clusters", timeout=30, json=cluster(name))


def test_it_serves_keeps_and_stops(tmp_path):
    with Clm(tmp_path) as clm:
        response = clm.create("one")
        assert response.status_code == 201, response.text
        assert requests.get(clm.about["health"] + "/healthz", timeout=30).json() == {"status": "ok"}
        assert requests.get(clm.about["health"] + "/readyz", timeout=30).json() == {"status": "ok"}
        assert "hyperfleet_api_build_info" in requests.get(clm.about["metrics"] + "/metrics", timeout=30).text
        assert requests.get(clm.about["metrics"] + "/healthz", timeout=30).status_code == 404
        assert clm.about["pid"] == clm.process.pid
        clm.process.kill()
        clm.process.wait()
    with Clm(tmp_path) as clm:
        listed = requests.get(clm.about["url"] + BASE + "/clusters?search=name='one'&fields=name", timeout=30).json()
        assert requests.get(clm.about["url"] + BASE + "/clusters", timeout=30).headers["Hyperfleet-Epoch"] == "1"
        for accepted, encoding in (("gzip", "gzip"), ("br, *;q=0.5", "gzip"), ("gzip;q=0, *", None), ("identity", None)):
            whole = requests.get(clm.about["url"] + BASE + "/clusters", timeout=30, headers={"Accept-Encoding": accepted})
            assert whole.headers.get("Content-Encoding") == encoding, accepted
            assert "Accept-Encoding" in whole.headers["Vary"]
            assert whole.json()["items"][0]["name"] == "one"
            if encoding:
                assert int(whole.headers["Content-Length"]) < len(whole.content)
        assert listed["items"] == [{"id": response.json()["id"], "name": "one"}]
        clm.process.send_signal(signal.SIGTERM)
        clm.process.communicate(timeout=30)
        assert clm.process.returncode == 0
        assert not clm.ready.exists()


def test_it_serves_from_postgresql(tmp_path):
    """Every answered write is there after a kill."""
    ready, config = tmp_path / "ready.json", configuration(tmp_path)
    script = (f"serve() {{ {BINARY} serve clm --config {config} --ready-file {ready} --db-url "
              "\"postgresql:///postgres?host=$REEVE_TEST_POSTGRES&user=reeve\"; }; serve; serve")
    with subprocess.Popen([ROOT / "tests" / "with-postgres", "sh", "-c", script],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        def about(but=None):
            wait_for(lambda: process.poll() is not None or
                     (ready.exists() and json.loads(ready.read_text())["pid"] != but), "CLM on PostgreSQL")
            assert process.poll() is None, process.stdout.read().decode()
            return json.loads(ready.read_text())

        first = about()
        response = requests.post(first["url"] + BASE + "/clusters", timeout=30, json=cluster("one"))
        assert response.status_code == 201, response.text
        os.kill(first["pid"], signal.SIGKILL)
        second = about(but=first["pid"])
        listed = requests.get(second["url"] + BASE + "/clusters?search=labels.team='a'", timeout=30).json()
        assert [item["name"] for item in listed["items"]] == ["one"]
        os.kill(second["pid"], signal.SIGTERM)
        output = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 0, output


def test_flags_and_variables_go_before_the_file(tmp_path):
    with Clm(tmp_path, "--db-url", f"sqlite:{tmp_path}/flag.db",
             HYPERFLEET_DATABASE_URL=f"sqlite:{tmp_path}/variable.db") as clm:
        assert clm.create("one").status_code == 201
    assert (tmp_path / "flag.db").exists()
    with Clm(tmp_path, HYPERFLEET_DATABASE_URL=f"sqlite:{tmp_path}/variable.db"):
        assert (tmp_path / "variable.db").exists()
    assert not (tmp_path / "clm.db").exists()


@pytest.mark.parametrize("change, words", [
    ({"sever": {}}, ": sever is not a key known here"),
    ({"server": {"port": 0}}, "server.jwt.enabled is true"),
    ({"entities": []}, "at least one kind"),
    ({"database": {"url": "oracle:x"}}, "has no driver"),
])
def test_wrong_configuration_is_told_in_one_line(tmp_path, change, words):
    config = configuration(tmp_path)
    document = yaml.safe_load(config.read_text())
    document.update(change)
    config.write_text(yaml.safe_dump(document))
    result = subprocess.run([BINARY, "serve", "clm", "--config", str(config)], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode != 0
    assert words in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_without_a_file_it_says_how_to_name_one(tmp_path):
    result = subprocess.run([BINARY, "serve", "clm"], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert result.returncode != 0
    assert "--config FILE" in result.stderr
