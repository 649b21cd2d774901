"""Three processes of CLM on one PostgreSQL, while clients work and everything is killed at times.

Used by a short test and by `make soak`. What is random comes from one seed, so a run can be repeated as far as
the machine's timing allows.

The model is what clients were told. An answered write is seen at once through every process and is there at the
end; a write without an answer, or answered with 503, may or may not have happened. Nothing else is answered with
5xx. A name is never borne by two. Watchers that are cut off and resume see every change once and in one order.
"""

import json
import pathlib
import random
import signal
import threading
import time

import requests

from client import Clm, condition, path_of, required_adapters
from server import Server, database_of, postgres

CLIENTS = 8
PACE_S = 0.05  # at most between a client's operations
SHARED_NAMES = 4  # that all clients fight for
FREEZE_S = 1.5  # at most: less than any time limit, so that nobody mistakes it for an end
SETTLE_S = 60


class Unknown(Exception):
    """No answer, or one that says that the write may have happened."""


class Client(threading.Thread):
    """Works on resources of its own, and remembers what it was told."""

    def __init__(self, servers, number, seed, until):
        super().__init__(name=f"client-{number}")
        self.servers = servers
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.until = until
        self.session = requests.Session()
        self.template = Clm("")
        self.clusters = {}  # id -> {"n": what the label may be, "adapters", "pools"}
        self.channels = {}  # id -> name, of the shared ones
        self.perhaps = set()  # names of what may exist
        self.marked = set()  # ids whose deletion was answered, or may have happened
        self.gone = set()  # ids whose end was answered
        self.made = set()  # ids whose creation was answered
        self.operations = self.unknown = 0
        self.failure = None

    def run(self):
        try:
            while time.monotonic() < self.until:
                try:
                    self.operations += 1
                    self.one()
                except Unknown:
                    self.unknown += 1
                    time.sleep(0.2)
                time.sleep(self.random.uniform(0, PACE_S))
        except BaseException as failure:  # told by the main thread
            self.failure = failure

    # --- requests -------------------------------------------------------------------------------

    def call(self, method, path, body=None, allowed=()):
        server = self.random.choice(self.servers)
        try:
            response = self.session.request(method, server.url + "/api/hyperfleet/v1" + path, json=body, timeout=30)
        except requests.RequestException as lost:
            raise Unknown from lost
        if response.status_code == 503:
            assert response.headers.get("Retry-After"), response.text
            raise Unknown
        assert response.status_code < 500, f"{method} {path}: {response.text}"
        assert response.status_code in allowed, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def one(self):
        live = sorted(set(self.clusters) - self.marked)
        choice = self.random.random()
        if len(live) < 3 or choice < 0.15:
            self.create()
        elif choice < 0.3:
            self.fight()
        else:
            act = self.random.choice([self.patch, self.patch, self.report, self.report, self.read, self.add_pool,
                                      self.delete])
            act(self.random.choice(live))

    # --- what it does ---------------------------------------------------------------------------

    def create(self):
        body = self.template.body(labels={"n": "0"})
        self.perhaps.add(body["name"])
        made = self.call("POST", "/clusters", body, (201,)).json()
        self.perhaps.discard(body["name"])
        self.made.add(made["id"])
        self.clusters[made["id"]] = {"n": {"0"}, "count": 0, "adapters": required_adapters(made), "name": body["name"]}

    def fight(self):
        """For a name that others want, too; whoever has it gives it back at some time."""
        mine = sorted(self.channels)
        if mine and self.random.random() < 0.7:
            channel = mine[0]
            self.perhaps.add(self.channels.pop(channel))
            self.call("DELETE", f"/channels/{channel}", None, (202,))
            self.gone.add(channel)
            self.call("GET", f"/channels/{channel}", None, (404,))
            return
        name = f"shared{self.random.randrange(SHARED_NAMES)}"
        response = self.call("POST", "/channels", self.template.body("Channel", name=name), (201, 409))
        if response.status_code == 201:
            self.made.add(response.json()["id"])
            self.channels[response.json()["id"]] = name

    def patch(self, cluster):
        known = self.clusters[cluster]
        known["count"] += 1
        value = str(known["count"])
        known["n"].add(value)
        answer = self.call("PATCH", f"/clusters/{cluster}", {"labels": {"n": value}}, (200,)).json()
        assert answer["labels"]["n"] == value
        known["n"] = {value}

    def report(self, cluster):
        adapter = self.random.choice(self.clusters[cluster]["adapters"])
        generation = self.call("GET", f"/clusters/{cluster}", None, (200,)).json()["generation"]
        self.call("PUT", f"/clusters/{cluster}/statuses", {
            "adapter": adapter, "observed_generation": generation,
            "conditions": [{"type": "Available", "status": self.random.choice(["True", "True", "True", "False"])},
                           {"type": "Applied", "status": "True"}, {"type": "Health", "status": "True"}]}, (201, 204))

    def read(self, cluster):
        found = self.call("GET", f"/clusters/{cluster}", None, (200,)).json()
        assert found["labels"]["n"] in self.clusters[cluster]["n"], (found["labels"], self.clusters[cluster])
        found = self.call("GET", f"/clusters?search=id = '{cluster}'", None, (200,)).json()
        assert [item["id"] for item in found["items"]] == [cluster]

    def add_pool(self, cluster):
        made = self.call("POST", f"/clusters/{cluster}/nodepools", self.template.body("NodePool"), (201,)).json()
        self.made.add(made["id"])

    def delete(self, cluster):
        self.marked.add(cluster)
        self.call("DELETE", f"/clusters/{cluster}", None, (202,))
        assert self.call("GET", f"/clusters/{cluster}", None, (200,)).json()["deleted_time"]
        if self.random.random() < 0.7:
            self.call("POST", f"/clusters/{cluster}/force-delete", {"reason": "the end"}, (204, 404))
            self.gone.add(cluster)
            self.call("GET", f"/clusters/{cluster}", None, (404,))


class Watcher(threading.Thread):
    """Follows all changes, by whatever process there is, resuming after what it saw last."""

    def __init__(self, servers, seed):
        super().__init__(name=f"watcher-{seed}", daemon=True)
        self.servers = servers
        self.random = random.Random(seed)
        self.rows = []  # (sequence, id, event)
        self.reached = 0  # all up to here is in rows
        self.resumed = 0
        self.failure = None
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                self.follow(self.random.choice(self.servers))
            except requests.RequestException:
                time.sleep(0.1)
            except BaseException as failure:
                self.failure = failure
                return
            self.resumed += 1

    def follow(self, server):
        cut = time.monotonic() + self.random.uniform(0.5, 10)
        with requests.get(server.url + f"/api/hyperfleet/v1/resources/watch?after={self.reached}", stream=True,
                          timeout=15) as response:
            if response.status_code == 503:
                time.sleep(0.2)
                return
            assert response.status_code == 200, response.text
            for line in response.iter_lines(chunk_size=None):
                self.take(json.loads(line))
                if time.monotonic() > cut:
                    return

    def take(self, line):
        if "heartbeat" in line:
            assert line["heartbeat"] >= self.reached, f"back from {self.reached}: {line}"
            self.reached = line["heartbeat"]
            return
        assert line["sequence"] > self.reached, f"after {self.reached}: {line}"
        self.reached = line["sequence"]
        self.rows.append((line["sequence"], line["id"], line["event"]))


class Faults:
    def __init__(self, servers, database, seed):
        self.servers = servers
        self.database = database
        self.random = random.Random(seed)
        self.count = {}

    def one(self):
        kind, act = self.random.choices(
            [("kill", self.kill), ("freeze", self.freeze), ("restart", self.restart), ("database", self.crash_database)],
            [5, 3, 2, 2])[0]
        self.count[kind] = self.count.get(kind, 0) + 1
        act()

    def kill(self):
        server = self.random.choice(self.servers)
        server.kill()
        time.sleep(self.random.uniform(0, 1))
        server.start()

    def freeze(self):
        server = self.random.choice(self.servers)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, FREEZE_S))
        server.process.send_signal(signal.SIGCONT)

    def restart(self):
        server = self.random.choice(self.servers)
        assert server.stop() == 0, server.said()
        server.start()

    def crash_database(self):
        self.database.restart()


# --- what must hold at the end -----------------------------------------------------------------

def everything(clm, path):
    items, after = [], ""
    while after is not None:
        page = clm.get(path, params={"after": after, "size": 100}).json()
        items += page["items"]
        after = page.get("next")
    return items


def check_names(resources):
    bearers = {}
    for each in resources:
        if not each.get("deleted_time"):
            owner = each.get("owner_references", {}).get("id")
            bearers.setdefault((each["kind"], owner, each["name"]), []).append(each["id"])
    twice = {name: ids for name, ids in bearers.items() if len(ids) > 1}
    assert not twice, f"borne by more than one: {twice}"


def check_client(client, resources):
    for cluster, known in client.clusters.items():
        found = resources.get(cluster)
        if cluster in client.gone:
            assert found is None, f"{cluster} was gone and is back"
        elif cluster not in client.marked:
            assert found is not None, f"{cluster} was made and is not there"
            assert found["labels"]["n"] in known["n"], (found["labels"], known)
            assert not found.get("deleted_time")
    for channel in client.channels:
        assert channel in resources, f"{channel} was made and is not there"
    for channel in client.gone - set(client.clusters):
        assert channel not in resources, f"{channel} was gone and is back"


def check_orphans(resources):
    for each in resources.values():
        owner = each.get("owner_references", {}).get("id")
        assert owner is None or owner in resources, f"{each['id']} has lost its parent {owner}"


def check_conditions(clm, resource, required):
    """What the conditions say is what the stored reports say."""
    reports = {item["adapter"]: item for item in clm.items(path_of(resource) + "/statuses", size=100)}
    met = all(name in reports and reports[name]["observed_generation"] == resource["generation"] and
              {"type": "Available", "status": "True"}.items() <= reports[name]["conditions"][0].items()
              for name in required)
    item = condition(resource, "Reconciled")
    assert item["observed_generation"] == resource["generation"]
    assert (item["status"] == "True") == met, (resource, reports)


def check_watchers(watchers, clients):
    until = time.monotonic() + SETTLE_S
    while len({watcher.reached for watcher in watchers}) > 1 or watchers[0].rows != watchers[1].rows:
        assert time.monotonic() < until, [watcher.reached for watcher in watchers]
        for watcher in watchers:
            assert watcher.failure is None, watcher.failure
        time.sleep(0.2)
    assert all(watcher.rows == watchers[0].rows for watcher in watchers)
    seen = {(which, event) for _, which, event in watchers[0].rows}
    for client in clients:
        for which in client.made:
            assert (which, "created") in seen, f"no watcher was told that {which} was created"
        for which in client.gone & client.made:
            assert (which, "gone") in seen, f"no watcher was told that {which} is gone"


def check(servers, clients, watchers):
    for client in clients:
        if client.failure:
            raise client.failure
    views = []
    for server in servers:
        clm = Clm(server.url)
        views.append({each["id"]: each for each in everything(clm, "/resources")})
    assert views[0] == views[1] == views[2], "processes differ in what there is"
    check_names(views[0].values())
    check_orphans(views[0])
    required = {}
    for client in clients:
        check_client(client, views[0])
        required.update({cluster: known["adapters"] for cluster, known in client.clusters.items()})
    for cluster, adapters in required.items():
        if cluster in views[0] and not views[0][cluster].get("deleted_time"):
            check_conditions(Clm(servers[0].url), views[0][cluster], adapters)
    check_watchers(watchers, clients)
    return len(views[0])


def run(folder, seed, seconds):
    """None where PostgreSQL is not installed; else what was done, in a sentence."""
    database = postgres()
    if database is None:
        return None
    servers = []
    try:
        database.start()
        servers = [Server(pathlib.Path(folder) / f"clm-{n}", database_of(database)).start() for n in range(3)]
        return work(servers, database, seed, seconds)
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
        database.remove()


def work(servers, database, seed, seconds):
    until = time.monotonic() + seconds
    clients = [Client(servers, number, seed, until) for number in range(CLIENTS)]
    watchers = [Watcher(servers, seed + number) for number in range(3)]
    faults = Faults(servers, database, seed)
    for thread in watchers + clients:
        thread.start()
    while time.monotonic() < until and not any(thread.failure for thread in clients + watchers):
        time.sleep(faults.random.uniform(0.5, 3))
        faults.one()
    for client in clients:
        client.until = 0
        client.join()
    left = check(servers, clients, watchers)
    for watcher in watchers:
        watcher.ending.set()
    for server in servers:
        assert server.stop() == 0, server.said()
    return (f"{sum(client.operations for client in clients)} operations, {sum(client.unknown for client in clients)} of "
            f"unknown end, faults {faults.count}, {len(watchers[0].rows)} changes seen alike by 3 watchers that "
            f"resumed {sum(watcher.resumed for watcher in watchers)} times, {left} resources left; seed {seed}")
