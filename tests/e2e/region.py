"""A region under test: starts `reeve up`, finds its parts, signs requests, ends it in several ways."""

import configparser
import json
import os
import pathlib
import signal
import subprocess
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("REEVE_BINARY", str(ROOT / "build" / "reeve"))
EXAMPLE = ROOT / "docs" / "examples" / "cluster.json"

# With sanitizers everything is several times slower; waits are generous and end early.
WAIT_S = 60


class Region:
    """`reeve up` in a folder; a context manager."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.options = options
        self.process = None
        self.about = None
        self.session = requests.Session()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # --- life ---------------------------------------------------------------------------------

    def start(self, wait=True):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = open(self.folder / "up.out", "ab")
        options = list(self.options)
        if "--first-cluster" in options:
            options.remove("--first-cluster")
        else:
            options.append("--no-first-cluster")
        if not any(option.startswith("--port") for option in options):
            options.append("--port=0")
        self.process = subprocess.Popen([BINARY, "up", "--dir", str(self.folder), *options],
                                        stdout=self.output, stderr=self.output)
        if wait:
            self.await_ready()
        return self

    def await_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"reeve up ended with {self.process.returncode}: {self.said()}")
            return (self.folder / "region.json").exists()

        wait_for(ready, "the region to be ready", context=self.said)
        self.reload()

    def reload(self):
        self.about = json.loads((self.folder / "region.json").read_text())

    def said(self):
        return (self.folder / "up.out").read_text(errors="replace")[-4000:]

    def stop(self):
        """As Ctrl-C; checks that nothing is left."""
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=WAIT_S)
        self.output.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.output.close()
        (self.folder / "region.json").unlink(missing_ok=True)  # what it said is no longer true

    # --- the customer's API -------------------------------------------------------------------

    @property
    def url(self):
        return self.about["frontend"]["url"]

    def credentials(self):
        parser = configparser.ConfigParser()
        parser.read(self.about["frontend"]["credentials_file"])
        profile = parser["default"]
        return botocore.credentials.Credentials(profile["aws_access_key_id"],
                                                profile["aws_secret_access_key"])

    def request(self, method, path, body=None, credentials=None, headers=None, sign=True):
        data = None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body)
        request = botocore.awsrequest.AWSRequest(method=method, url=self.url + path, data=data,
                                                 headers=headers or {})
        if data is not None and "Content-Type" not in request.headers:
            request.headers["Content-Type"] = "application/json"
        if sign:
            botocore.auth.SigV4Auth(credentials or self.credentials(), "execute-api",
                                    self.about["frontend"]["region"]).add_auth(request)
        prepared = request.prepare()
        return self.session.request(method, prepared.url, data=prepared.body,
                                    headers=dict(prepared.headers.items()), timeout=WAIT_S)

    def create(self, name, **changes):
        response = self.request("POST", "/api/v0/clusters", example(name, **changes))
        assert response.status_code == 201, response.text
        return response.json()

    def get(self, cluster_id):
        response = self.request("GET", f"/api/v0/clusters/{cluster_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def delete(self, cluster_id):
        response = self.request("DELETE", f"/api/v0/clusters/{cluster_id}")
        assert response.status_code == 202, response.text

    def await_condition(self, cluster_id, condition, status="True", timeout=WAIT_S):
        last = {}

        def met():
            last["cluster"] = self.get(cluster_id)
            return condition_of(last["cluster"], condition).get("status") == status

        wait_for(met, f"{condition}={status} of {cluster_id}", timeout=timeout,
                 context=lambda: json.dumps(last.get("cluster"), indent=1))
        return last["cluster"]

    def await_up(self, cluster_id, timeout=WAIT_S):
        self.await_condition(cluster_id, "Reconciled", timeout=timeout)
        return self.await_condition(cluster_id, "Available", timeout=timeout)

    def await_gone(self, cluster_id, timeout=WAIT_S):
        wait_for(lambda: self.request("GET", f"/api/v0/clusters/{cluster_id}").status_code == 404,
                 f"{cluster_id} to be gone", timeout=timeout,
                 context=lambda: self.request("GET", f"/api/v0/clusters/{cluster_id}").text)

    # --- behind it ----------------------------------------------------------------------------

    def clm(self, method, path, **options):
        return self.session.request(method, self.about["clm"]["url"] + "/api/hyperfleet/v1" + path,
                                    timeout=WAIT_S, **options)

    def maestro(self, method, path, **options):
        return self.session.request(method, self.about["maestro"]["rest"] + "/api/maestro/v1" + path,
                                    timeout=WAIT_S, **options)

    def kubeconfig(self, index=0):
        return self.about["management_clusters"][index]["kubeconfig"]

    def kubernetes(self, index=0):
        """A session and base URL for the management cluster's API."""
        import yaml
        config = yaml.safe_load(pathlib.Path(self.kubeconfig(index)).read_text())
        session = requests.Session()
        return session, config["clusters"][0]["cluster"]["server"]

    def objects(self, resource, index=0):
        session, server = self.kubernetes(index)
        response = session.get(f"{server}{resource}", timeout=WAIT_S)
        response.raise_for_status()
        return response.json()["items"]

    def hosted_clusters(self, index=0):
        return self.objects("/apis/hypershift.openshift.io/v1beta1/hostedclusters", index)

    def node_pools(self, index=0):
        return self.objects("/apis/hypershift.openshift.io/v1beta1/nodepools", index)


def example(name, **changes):
    """The example create request with another name; `spec` members are replaced by dotted path."""
    document = json.loads(EXAMPLE.read_text())
    document["name"] = name
    for path, value in changes.items():
        target = document["spec"]
        *parents, last = path.split("__")
        for part in parents:
            target = target[int(part)] if part.isdigit() else target[part]
        target[last] = value
    return document


def condition_of(cluster, condition):
    for item in (cluster.get("status") or {}).get("conditions") or []:
        if item["type"] == condition:
            return item
    return {}


def wait_for(predicate, what, timeout=WAIT_S, interval=0.05, context=None):
    """Waits until predicate() is true; says what was awaited, and the context, when it is not."""
    until = time.monotonic() + timeout
    while True:
        if predicate():
            return
        if time.monotonic() > until:
            tail = f"\n{context()}" if context else ""
            raise AssertionError(f"waited {timeout} s for {what}{tail}")
        time.sleep(interval)
