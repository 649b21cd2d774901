"""Faults while customers work: kills of every process at random points, and what must hold afterwards.

Used by a short test in the suite and by `make soak`. Everything random comes from one seed, so a run can be
repeated (as far as the machine's timing allows).

The model is what customers were told. An answered write must be there at the end; a write without an answer
may or may not have happened. At the end CLM, Maestro and the management clusters must hold exactly the same
clusters, each once, all reconciled, none half deleted.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time

import requests

from region import Region, example, wait_for

CONVERGE_S = 120
PACE_S = 0.5  # at most between a customer's operations, so that faults fall between and into them


class Customer(threading.Thread):
    """Creates, updates and deletes clusters of its own, and remembers what it was told."""

    def __init__(self, region, number, seed, operations):
        super().__init__(name=f"customer-{number}")
        self.region = region
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.operations = operations
        self.alive = {}  # name -> {"id", "replicas": set of what it may be}
        self.gone = set()  # ids whose deletion was answered
        self.made = 0
        self.done = 0
        self.failure = None

    def run(self):
        try:
            for _ in range(self.operations):
                self.one()
                self.done += 1
                time.sleep(self.random.uniform(0, PACE_S))
        except BaseException as failure:  # told by the main thread
            self.failure = failure

    def one(self):
        choice = self.random.random()
        if not self.alive or choice < 0.5:
            self.create()
        elif choice < 0.75:
            self.update(self.random.choice(sorted(self.alive)))
        else:
            self.delete(self.random.choice(sorted(self.alive)))

    def call(self, method, path, body=None):
        """Tries until there is an answer. Returns it, and whether an earlier try may have worked."""
        until = time.monotonic() + CONVERGE_S
        uncertain = False
        while True:
            try:
                response = self.region.request(method, path, body)
                if response.status_code < 500 and response.status_code != 429:
                    return response, uncertain
                uncertain = True
            except (requests.RequestException, OSError, KeyError, TypeError, ValueError):
                uncertain = True  # killed meanwhile, or region.json is not there yet
            if time.monotonic() > until:
                raise AssertionError(f"no answer to {method} {path} for {CONVERGE_S} s")
            time.sleep(0.1)

    def create(self):
        name = f"c{self.number}-{self.made}"
        self.made += 1
        replicas = self.random.randint(1, 9)
        body = example(name, nodePools__0__nodePool__replicas=replicas)
        response, uncertain = self.call("POST", "/api/v0/clusters", body)
        if response.status_code == 409 and uncertain:
            listing, _ = self.call("GET", "/api/v0/clusters?limit=100&offset=0")
            found = self.find(name)
            assert found, f"{name} is taken but not listed: {listing.text}"
            self.alive[name] = {"id": found, "replicas": {replicas}}
            return
        assert response.status_code == 201, response.text
        self.alive[name] = {"id": response.json()["id"], "replicas": {replicas}}

    def find(self, name):
        offset = 0
        while True:
            response, _ = self.call("GET", f"/api/v0/clusters?limit=100&offset={offset}")
            items = response.json()["items"]
            for item in items:
                if item["name"] == name:
                    return item["id"]
            if not items:
                return None
            offset += len(items)

    def update(self, name):
        cluster = self.alive[name]
        replicas = self.random.randint(1, 9)
        pools = example(name, nodePools__0__nodePool__replicas=replicas)["spec"]["nodePools"]
        response, _ = self.call("PATCH", f"/api/v0/clusters/{cluster['id']}",
                                {"spec": {"nodePools": pools}})
        assert response.status_code == 200, f"{name} was promised: {response.status_code} {response.text}"
        cluster["replicas"] = {replicas}

    def delete(self, name):
        cluster = self.alive.pop(name)
        response, uncertain = self.call("DELETE", f"/api/v0/clusters/{cluster['id']}")
        assert response.status_code == 202 or (uncertain and response.status_code == 404), response.text
        self.gone.add(cluster["id"])


class Faults(threading.Thread):
    """Kills something now and then until told to end."""

    def __init__(self, region, seed, interval, kinds=("management-cluster", "broker", "region")):
        super().__init__(name="faults")
        self.region = region
        self.random = random.Random(seed)
        self.interval = interval
        self.kinds = kinds
        self.ending = threading.Event()
        self.counts = dict.fromkeys(kinds, 0)
        self.failure = None

    def run(self):
        try:
            while not self.ending.wait(self.random.uniform(self.interval / 4, self.interval * 1.5)):
                kind = self.random.choice(self.kinds)
                getattr(self, "kill_" + kind.replace("-", "_"))()
                self.counts[kind] += 1
        except BaseException as failure:
            self.failure = failure

    def kill_management_cluster(self):
        try:
            about = json.loads((self.region.folder / "region.json").read_text())
        except (OSError, ValueError):
            return
        kill(self.random.choice(about["management_clusters"])["pid"])

    def kill_broker(self):
        listing = subprocess.run(["pgrep", "-P", str(self.region.process.pid), "mosquitto"],
                                 capture_output=True, text=True)
        for line in listing.stdout.split():
            kill(int(line))

    def kill_region(self):
        self.region.kill()
        self.region.start()


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(folder, seed, customers, operations, interval, options=(), kinds=None, log=print):
    """The whole thing; raises AssertionError with words when something does not hold."""
    region = Region(folder, *options)
    with region:
        faults = Faults(region, seed, interval, **({"kinds": kinds} if kinds else {}))
        workers = [Customer(region, number, seed, operations) for number in range(customers)]
        began = time.monotonic()
        for thread in [*workers, faults]:
            thread.start()
        for worker in workers:
            worker.join()
        faults.ending.set()
        faults.join()
        for thread in [*workers, faults]:
            if thread.failure:
                raise AssertionError(f"{thread.name}: {thread.failure!r}\n{region.said()}")
        log(f"seed {seed}: {sum(worker.done for worker in workers)} operations by {customers} customers in "
            f"{time.monotonic() - began:.1f} s, killed {faults.counts}")
        began = time.monotonic()
        check(region, workers)
        log(f"seed {seed}: both sides agree after {time.monotonic() - began:.1f} s")


def check(region, workers):
    """Waits until everything is as the customers were told, and nothing else is there."""
    expected = {cluster["id"]: (name, cluster["replicas"])
                for worker in workers for name, cluster in worker.alive.items()}
    gone = set().union(*(worker.gone for worker in workers))
    region.reload()
    last = {}

    def agreed():
        try:
            last["difference"] = difference(region, expected, gone)
        except (requests.RequestException, KeyError, ValueError) as failure:
            last["difference"] = repr(failure)
        return not last["difference"]

    wait_for(agreed, "both sides to agree", timeout=CONVERGE_S, interval=0.5,
             context=lambda: last["difference"])
    time.sleep(1)  # and it stays so
    assert agreed(), last["difference"]


def all_pages(get):
    items, page = [], 1
    while True:
        answer = get(page)
        items += answer["items"]
        if not answer["items"] or len(items) >= answer["total"]:
            return items
        page += 1


def difference(region, expected, gone):
    """What is not as it should be, in words; empty when all agrees."""
    wrong = []
    clusters = all_pages(lambda page: region.clm("GET", f"/clusters?size=100&page={page}").json())
    ids = [item["id"] for item in clusters]
    if len(ids) != len(set(ids)):
        wrong.append("CLM lists a cluster twice")
    for missing in expected.keys() - set(ids):
        wrong.append(f"CLM lost {expected[missing][0]} {missing}")
    for extra in set(ids) - expected.keys():
        wrong.append(f"CLM still has {extra}" + (" whose deletion was answered" if extra in gone else ""))
    for item in clusters:
        status = {condition["type"]: condition for condition in item["status"]["conditions"]}
        if status.get("Reconciled", {}).get("status") != "True":
            wrong.append(f"CLM: {item['name']} {item['id']} is not reconciled: "
                         f"{status.get('Reconciled', {}).get('message')}")
    wrong += difference_of_bundles(region, expected)
    wrong += difference_of_objects(region, expected)
    return "\n".join(wrong[:20])


def difference_of_bundles(region, expected):
    bundles = all_pages(lambda page: region.maestro(
        "GET", f"/resource-bundles?size=500&page={page}&orderBy=id").json())
    texts = [json.dumps(item["metadata"]) for item in bundles]
    wrong = [f"Maestro has {sum(name in text for text in texts)} bundles for {name}"
             for name in expected if sum(name in text for text in texts) != 1]
    if len(bundles) != len(expected):
        wrong.append(f"Maestro has {len(bundles)} bundles for {len(expected)} clusters")
    return wrong


def difference_of_objects(region, expected):
    wrong, seen = [], {}
    for index in range(len(region.about["management_clusters"])):
        for item in region.hosted_clusters(index):
            seen.setdefault(item["metadata"]["namespace"].removeprefix("cluster-"), []).append(index)
    for cluster_id, (name, _) in expected.items():
        if len(seen.get(cluster_id, [])) != 1:
            wrong.append(f"{name} {cluster_id} is on {len(seen.get(cluster_id, []))} management clusters")
    for cluster_id in seen.keys() - expected.keys():
        wrong.append(f"management cluster {seen[cluster_id]} still holds {cluster_id}")
    for index in range(len(region.about["management_clusters"])):
        for pool in region.node_pools(index):
            cluster_id = pool["metadata"]["namespace"].removeprefix("cluster-")
            allowed = expected.get(cluster_id, (None, ()))[1]
            if pool["spec"]["replicas"] not in allowed:
                wrong.append(f"node pool of {cluster_id} has {pool['spec']['replicas']} replicas, "
                             f"promised {allowed}")
    return wrong
