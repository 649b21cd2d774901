"""`reeve clm backup`, `restore` and `check` on the real program: under load, killed, damaged."""

import concurrent.futures
import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests

from region import BINARY

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "contract"))
import server  # noqa: E402  (beside the contract tests)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPEC = json.loads((ROOT / "docs" / "examples" / "cluster.json").read_text())["spec"]
CLUSTERS = "/api/hyperfleet/v1/clusters"
WRITERS, WRITES = 8, 500
SEED = 20261123
LOADING_S = 120


def reeve(*arguments, code=0):
    result = subprocess.run([BINARY, "clm", *map(str, arguments)], capture_output=True, text=True, timeout=LOADING_S,
                            check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(name="database", params=["sqlite", "postgres"])
def _database(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path}/clm.db"
        return
    postgres = server.postgres()
    if postgres is None:
        pytest.skip("PostgreSQL is not installed")
    try:
        postgres.start()
        yield server.database_of(postgres)
    finally:
        postgres.remove()


def serve(folder, database):
    return server.Server(folder, database=database, entities=server.shipped_entities())


def create(url, name):
    answer = requests.post(url + CLUSTERS, json={"kind": "Cluster", "name": name, "labels": {"n": name}, "spec": SPEC},
                           timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def lines_of(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        return [json.loads(line) for line in file]


def rows_of(path, table):
    return [line["row"] for line in lines_of(path) if line.get("table") == table]


def snapshot(database, path):
    """Everything but the feed and the epoch, to compare."""
    reeve("backup", "--store", database, "--out", path)
    return [line for line in lines_of(path) if line.get("table", "changes") != "changes"]


def test_a_backup_under_load_is_a_consistent_prefix(tmp_path, database):
    acknowledged, lock, begun = {}, threading.Lock(), threading.Event()
    backup, other = tmp_path / "clm.jsonl.gz", f"sqlite:{tmp_path}/other.db"

    def write(index):
        name = f"cluster-{index:04d}"
        identity = create(clm.url, name)
        with lock:
            acknowledged[identity] = name
            if len(acknowledged) == WRITES // 4:
                begun.set()

    with serve(tmp_path / "serve", database) as clm:
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(write, index) for index in range(WRITES)]
            assert begun.wait(LOADING_S)
            with lock:
                before = set(acknowledged)
            reeve("backup", "--store", database, "--out", backup)
            with lock:
                after = len(acknowledged)
            for future in writing:
                future.result()
        reeve("check", "--store", database)
        everything = [line["row"] for line in _feed_of(database, tmp_path / "after.jsonl")]

    resources = {row["id"] for row in rows_of(backup, "resources")}
    feed = rows_of(backup, "changes")
    assert before <= resources  # nothing that was answered is missing
    assert len(before) <= len(resources) < WRITES, "the backup was not taken among the writes"
    assert after <= WRITES
    assert [row["sequence"] for row in feed] == list(range(1, len(feed) + 1))
    assert {row["id"] for row in feed} == resources  # and nothing that the feed does not tell
    assert feed == everything[:len(feed)]  # as readers of the feed saw it

    reeve("restore", "--store", other, "--in", backup)
    reeve("check", "--store", other)
    with serve(tmp_path / "other", other) as clm:
        found = requests.get(clm.url + CLUSTERS, params={"size": 1}, timeout=60)
        assert found.json()["total"] == len(resources)
        assert found.headers["Hyperfleet-Epoch"] == "2"
        create(clm.url, "afterwards")


def _feed_of(database, path):
    reeve("backup", "--store", database, "--out", path)
    return [line for line in lines_of(path) if line.get("table") == "changes"]


@pytest.fixture(name="large")
def _large(tmp_path):
    """A backup whose making and restoring take long enough to be killed in the middle: made of lines."""
    small = tmp_path / "small.jsonl"
    database = f"sqlite:{tmp_path}/small.db"
    with serve(tmp_path / "small", database) as clm:
        create(clm.url, "one")
    reeve("backup", "--store", database, "--out", small)
    return multiply(small, tmp_path / "large.jsonl", 6000)


def multiply(source, path, times):
    import hashlib
    import zlib

    lines = lines_of(source)
    row = next(line for line in lines if line.get("table") == "resources")["row"]
    digest = hashlib.sha256()
    counts = dict(lines[-1]["rows"])
    with open(path, "wb") as file:
        def put(document):
            document.pop("crc32", None)
            text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
            line = text + b',"crc32":"%08x"}\n' % zlib.crc32(text)
            digest.update(line)
            file.write(line)

        put(lines[0])
        for number in range(times):
            put({"table": "resources", "row": {
                **row, "id": f"id-{number}", "name": f"name-{number}", "labels": "{}",
                "href": f"{CLUSTERS}/id-{number}"}})
        counts = {table: times if table == "resources" else 0 for table in counts}
        last = b'{"rows":' + json.dumps(counts, separators=(",", ":")).encode()
        digest.update(last)
        file.write(last + b',"sha256":"%s"}\n' % digest.hexdigest().encode())
    return path


def kill_after(seconds, *arguments):
    """Whether it was killed before it ended."""
    process = subprocess.Popen([BINARY, "clm", *map(str, arguments)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def time_of(*arguments):
    begin = time.monotonic()
    reeve(*arguments)
    return time.monotonic() - begin


def test_a_killed_backup_leaves_no_file(tmp_path, large):
    database, out = f"sqlite:{tmp_path}/large.db", tmp_path / "out.jsonl.gz"
    reeve("restore", "--store", database, "--in", large)
    takes = time_of("backup", "--store", database, "--out", tmp_path / "first.jsonl.gz")
    killed = 0
    for part in range(1, 10):
        was_killed = kill_after(takes * part / 10, "backup", "--store", database, "--out", out)
        if out.exists():  # it has its name only when it is whole, if only just before the kill
            assert len(rows_of(out, "resources")) == 6000
            out.unlink()
        else:
            assert was_killed
            killed += 1
    assert killed >= 3
    reeve("backup", "--store", database, "--out", out)
    assert len(rows_of(out, "resources")) == 6000


def test_a_killed_restore_leaves_the_database_as_it_was(tmp_path, database, large):
    with serve(tmp_path / "serve", database) as clm:
        create(clm.url, "kept")
    before = snapshot(database, tmp_path / "before.jsonl")
    other = f"sqlite:{tmp_path}/measure.db"
    takes = time_of("restore", "--store", other, "--in", large)
    killed = 0
    for part in range(1, 10):
        if not kill_after(takes * part / 10, "restore", "--store", database, "--in", large, "--replace"):
            break
        killed += 1
        now = snapshot(database, tmp_path / "now.jsonl")
        if len(now) > len(before):
            break  # it had committed
        assert now == before
        reeve("check", "--store", database)
    assert killed >= 3
    reeve("restore", "--store", database, "--in", large, "--replace")
    assert len(snapshot(database, tmp_path / "now.jsonl")) == 6001 - 1


def test_every_damage_is_refused_and_changes_nothing(tmp_path):
    database, backup = f"sqlite:{tmp_path}/clm.db", tmp_path / "clm.jsonl"
    with serve(tmp_path / "serve", database) as clm:
        for number in range(20):
            create(clm.url, f"cluster-{number}")
    reeve("backup", "--store", database, "--out", backup)
    before = snapshot(database, tmp_path / "before.jsonl")
    whole, broken = backup.read_bytes(), tmp_path / "broken.jsonl"
    chance = random.Random(SEED)
    damaged = []
    for _ in range(25):
        place = chance.randrange(len(whole))
        flipped = bytes([whole[place] ^ 1 << chance.randrange(8)])
        damaged.append(whole[:place] + flipped + whole[place + 1:])
        damaged.append(whole[:chance.randrange(len(whole))])
    lines = whole.splitlines(keepends=True)
    damaged.append(b"".join(lines[:3] + lines[4:]))  # a line less
    damaged.append(b"".join(lines[:3] + [lines[4], lines[3]] + lines[5:]))  # another order
    damaged.append(b"".join(lines[:4] + lines[3:]))  # a line twice
    damaged += [whole + b"\n", whole + whole, b"", gzip.compress(whole)[:-9]]
    for content in damaged:
        broken.write_bytes(content)
        said = reeve("restore", "--store", database, "--in", broken, "--replace", code=2)
        assert "line " in said
    assert snapshot(database, tmp_path / "now.jsonl") == before


def test_check_tells_by_its_code(tmp_path):
    import sqlite3

    database = f"sqlite:{tmp_path}/clm.db"
    with serve(tmp_path / "serve", database) as clm:
        identity = create(clm.url, "one")
        assert "0 broken" in reeve("check", "--config", tmp_path / "serve" / "config.yaml")
    with sqlite3.connect(tmp_path / "clm.db") as handle:
        handle.execute("UPDATE resources SET generation = 0")
    assert f"numbers: 1 broken (generation is at least 1 and at most the version): {identity}" in reeve(
        "check", "--store", database, code=1)
    document = json.loads(reeve("check", "--store", database, "--json", code=1))
    assert document["broken"] >= 1
    assert [(item["count"], item["ids"]) for item in document["invariants"] if item["name"] == "numbers"] == [
        (1, [identity])]
    reeve("check", "--store", f"sqlite:{tmp_path}/none.db", code=2)
    reeve("check", code=2)
    assert not (tmp_path / "none.db").exists()


def test_check_knows_other_kinds_by_their_configuration(tmp_path):
    import sqlite3

    database = f"sqlite:{tmp_path}/clm.db"
    with server.Server(tmp_path / "serve", database=database) as clm:
        made = requests.post(f"{clm.url}/api/hyperfleet/v1/channels", json={"kind": "Channel", "name": "a", "spec": {}}, timeout=60)
        assert made.status_code == 201, made.text
    config = tmp_path / "serve" / "config.yaml"
    hint = "kinds, hrefs and conditions were not checked"
    assert hint in reeve("check", "--store", database)
    assert hint not in reeve("check", "--store", database, "--config", config)
    with sqlite3.connect(tmp_path / "clm.db") as handle:
        handle.execute("UPDATE resources SET kind = 'Nothing'")
    assert "kind-known: 1 broken" in reeve("check", "--store", database, "--config", config, code=1)


def test_a_backup_goes_through_a_pipe(tmp_path):
    database = f"sqlite:{tmp_path}/clm.db"
    with serve(tmp_path / "serve", database) as clm:
        create(clm.url, "one")
        piped = subprocess.run(f"{BINARY} clm backup --store {database} --out - | gzip > {tmp_path}/piped",
                               shell=True, check=True, timeout=LOADING_S, stderr=subprocess.PIPE)
        assert b"backed up to -" in piped.stderr
    assert os.listdir(tmp_path).count("piped") == 1
    reeve("restore", "--store", f"sqlite:{tmp_path}/other.db", "--in", tmp_path / "piped")
    reeve("check", "--store", f"sqlite:{tmp_path}/other.db")
