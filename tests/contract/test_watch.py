"""GET …/watch: what was committed, in the order of commits, one line each; resumable, and honest about what is gone."""

import json
import socket
import threading
import time
import urllib.parse

import pytest

from client import BASE, Clm, path_of, refused, unique
from server import Server

pytestmark = pytest.mark.reeve


class Watch:
    """A watch of which lines are read one by one."""

    def __init__(self, clm, path, **parameters):
        self.response = clm.get(path, params=parameters, stream=True)
        self.lines = self.response.iter_lines(chunk_size=1)
        assert self.response.status_code == 200, self.response.text
        assert self.response.headers["Content-Type"].startswith("application/x-ndjson")
        self.epoch = int(self.response.headers["Hyperfleet-Epoch"])
        self.first = self.next(heartbeats=True)
        assert self.first["epoch"] == self.epoch  # a heartbeat at once: where it stands

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()

    def next(self, heartbeats=False):
        while True:
            line = json.loads(next(self.lines))
            if heartbeats or "heartbeat" not in line:
                return line

    def take(self, count):
        return [self.next() for _ in range(count)]


def test_it_begins_now_with_a_heartbeat(clm):
    clm.create("/channels")
    with Watch(clm, "/channels/watch") as watch:
        made = clm.create("/channels")
        line = watch.next()
    assert (line["id"], line["event"]) == (made["id"], "created")
    assert line["sequence"] > watch.first["heartbeat"] and line["epoch"] == watch.epoch


def test_a_life_is_told_in_its_order_and_again(clm):
    with Watch(clm, "/channels/watch") as watch:
        made = clm.create("/channels")
        clm.patch(path_of(made), json={"labels": {"a": "b"}})
        clm.patch(path_of(made), json={"labels": {"a": "b"}})  # nothing was changed: nothing is told
        clm.delete(path_of(made))
        lines = watch.take(3)
    assert [line["id"] for line in lines] == [made["id"]] * 3
    assert [line["event"] for line in lines][:2] == ["created", "updated"]
    sequences = [line["sequence"] for line in lines]
    assert sequences == sorted(set(sequences))
    for at, after in enumerate([watch.first["heartbeat"], *sequences[:-1]]):
        with Watch(clm, "/channels/watch", after=after) as again:
            assert again.take(3 - at) == lines[at:]


def test_it_hears_its_kind_and_its_owner_only(clm):
    with Watch(clm, "/clusters/watch") as clusters, Watch(clm, "/resources/watch") as everything:
        one, other = clm.create(), clm.create()
        with Watch(clm, f"{path_of(one)}/nodepools/watch") as pools:
            clm.create("/channels")
            clm.create(path_of(other) + "/nodepools")
            mine = clm.create(path_of(one) + "/nodepools")
            assert pools.next()["id"] == mine["id"]
        last = clm.create()
        assert [line["id"] for line in clusters.take(3)] == [one["id"], other["id"], last["id"]]
        assert [line["kind"] for line in everything.take(6)] == [
            "Cluster", "Cluster", "Channel", "NodePool", "NodePool", "Cluster"]


def test_a_line_holds_the_resource_when_asked(clm):
    with Watch(clm, "/channels/watch", include="resource") as watch:
        made = clm.create("/channels", labels={"a": "b"})
        line = watch.next()
    assert line["resource"] == made


def test_a_reader_that_is_killed_and_resumed_misses_nothing(clm):
    """Writers go on while the reader loses its connection after every few lines."""
    writers, each = 6, 25
    made, lock = set(), threading.Lock()

    def write():
        own = Clm(clm.url)
        for _ in range(each):
            item = own.create("/channels")["id"]
            with lock:
                made.add(item)
        with lock:
            clm.created += own.created

    with Watch(clm, "/channels/watch") as watch:
        after = watch.first["heartbeat"]
    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    heard = []
    while len(heard) < writers * each:
        with Watch(clm, "/channels/watch", after=after) as watch:
            for line in watch.take(min(7, writers * each - len(heard))):
                assert line["sequence"] > after
                after = line["sequence"]
                heard.append(line["id"])
    for thread in threads:
        thread.join()
    assert len(heard) == len(set(heard)) and set(heard) == made


@pytest.mark.own
def test_what_is_no_longer_kept_is_gone(tmp_path, database):
    settings = {"retention": {"feed": "1s"}}
    with Server(tmp_path, database, settings=settings) as server:
        clm = Clm(server.url)
        for _ in range(5):
            clm.create("/channels")
        with Watch(clm, "/channels/watch", after=0) as watch:
            first = watch.next()["sequence"]
        until = time.monotonic() + 60
        while (answer := clm.get("/channels/watch", params={"after": first}, stream=True)).status_code == 200:
            answer.close()
            assert time.monotonic() < until, "the feed was not compacted"
            time.sleep(0.5)
        said = refused(answer, 410, "VAL-005")
        newest = clm.get("/channels/watch", stream=True)
        last = json.loads(next(newest.iter_lines(chunk_size=1)))["heartbeat"]
        newest.close()
        assert f"the oldest kept ({last})" in said["detail"]
        # Who has listed anew goes on from where a watch begins.
        with Watch(clm, "/channels/watch", after=last) as watch:
            made = clm.create("/channels")
            assert watch.next()["id"] == made["id"]


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", str(2**63)])
def test_a_cursor_that_is_none_is_refused(clm, after):
    refused(clm.get("/clusters/watch", params={"after": after}), 400, "VAL-005")


def test_a_parent_that_is_not_there_has_no_watch(clm):
    refused(clm.get(f"/clusters/{unique()}/nodepools/watch"), 404, "NTF-001")


def test_a_head_alone_has_no_body(clm):
    """What follows on the connection is the next answer, not the rest of a stream."""
    address = urllib.parse.urlsplit(clm.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall((f"HEAD {BASE}/channels/watch HTTP/1.1\r\nHost: x\r\n\r\n"
                            f"GET {BASE}/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and rest.startswith(b"HTTP/1.1 404"), answer
