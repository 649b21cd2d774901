"""CLM's part of `make bench`: its API on a store, over what the store and the HTTP server do alone."""

import contextlib
import json
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import figures
from figures import BUILD, QUICK, ROOT, Table, p99

sys.path.insert(0, str(ROOT / "tests" / "contract"))

import server as contract  # noqa: E402

API = "/api/hyperfleet/v1"
WRITES = 2000 if QUICK else 10000
READS = 5000 if QUICK else 30000
LISTS = 50 if QUICK else 300
CLIENTS = (1, 8, 32)
SMALL, LARGE = (1000, 4000) if QUICK else (10000, 200000)
MEMORY_WRITES = 2000 if QUICK else 100000
PAGE = 100
SPEC = json.loads((ROOT / "docs" / "examples" / "cluster.json").read_text())["spec"]


def measure(*arguments):
    return figures.measure("clm_bench", *arguments)


def rate(sample):
    return sample["count"] / sample["seconds"]


class Load:
    """Requests against a running CLM."""

    def __init__(self, clm, folder):
        self.clm = clm
        self.file = folder / "requests"
        self.port = clm.url.rsplit(":", 1)[1]

    def write_file(self, lines):
        self.file.write_text("".join(f"{method} {API}{path} {body}\n" for method, path, body in lines))

    def send(self, lines, clients=1):
        self.write_file(lines)
        sample = measure("requests", self.port, self.file, clients)
        assert sample["failed"] == 0, f"{sample['failed']} of {sample['count']} like {lines[0][:2]} failed"
        return sample

    def create(self, prefix, count, clients):
        return self.send(creates(prefix, count), clients)

    def fill(self, prefix, count):
        for begin in range(0, count, 20000):
            self.create(f"{prefix}{begin}-", min(20000, count - begin), 32)

    def get(self, path, count):
        """Median, microseconds."""
        return statistics.median(self.send([("GET", path, "")] * count)["us"])


def creates(prefix, count):
    return [("POST", "/clusters", json.dumps({
        "kind": "Cluster", "name": f"{prefix}{number}", "labels": {"shard": str(number % 100)}, "spec": SPEC,
    }, separators=(",", ":"))) for number in range(count)]


def reports(ids):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    conditions = [{"type": kind, "status": "True", "reason": "Measured", "message": "as it should be"}
                  for kind in ("Available", "Applied", "Health")]
    body = json.dumps({"adapter": "dns", "observed_generation": 1, "observed_time": now, "conditions": conditions,
                       "data": {}}, separators=(",", ":"))
    return [("PUT", f"/clusters/{item}/statuses", body) for item in ids]


# --- SQLite ---------------------------------------------------------------------------------------------------------


def query(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def checkpoint(path):
    query(path, "PRAGMA wal_checkpoint(TRUNCATE)")


def copy_schema(path, target):
    """The tables and indexes, empty."""
    with contextlib.closing(sqlite3.connect(target)) as db:
        for sql, in query(path, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index', rowid"):
            if "sqlite_" not in sql:
                db.execute(sql)
        db.commit()


def whole_rows(path, table, condition="1"):
    count = len(query(path, f"PRAGMA table_info({table})"))
    return (f"SELECT * FROM {table} WHERE {condition} ORDER BY rowid",
            f"INSERT INTO {table} VALUES ({', '.join('?' * count)})")


def create_floor(folder, database, group):
    """Inserts what creating wrote."""
    target = folder / f"creates-{group}.db"
    copy_schema(database, target)
    statements = [whole_rows(database, table) for table in ("resources", "resource_labels", "changes", "history")]
    return measure("write", database, target, group, *sum(statements, ()))


def report_floor(folder, before, after, group):
    """Makes what reporting changed, on a copy of what was there before."""
    target = folder / f"reports-{group}.db"
    shutil.copy(before, target)
    statements = [
        whole_rows(after, "adapter_statuses"),
        ("SELECT conditions, version, id FROM resources ORDER BY rowid",
         "UPDATE resources SET conditions = ?, version = ? WHERE id = ?"),
    ]
    if query(after, "SELECT COUNT(*) FROM changes WHERE event = 'status'")[0][0]:
        statements += [whole_rows(after, table, "event = 'status'") for table in ("changes", "history")]
    return measure("write", after, target, group, *sum(statements, ()))


def writes_on_sqlite(table, folder):
    for clients in CLIENTS:
        run = folder / f"writes-{clients}"
        database = run / "clm.db"
        with contract.Server(run) as clm:
            created = Load(clm, run).create("bench-", WRITES, clients)
        checkpoint(database)
        shutil.copy(database, run / "before.db")
        ids = [row[0] for row in query(database, "SELECT id FROM resources ORDER BY rowid")]
        with contract.Server(run) as clm:
            reported = Load(clm, run).send(reports(ids), clients)
        checkpoint(database)
        before = run / "before.db"
        compare_writes(table, "POST clusters", clients, created, lambda group: create_floor(run, before, group))
        compare_writes(table, "PUT statuses", clients, reported,
                       lambda group: report_floor(run, before, database, group))
        shutil.rmtree(run)


def compare(table, what, clients, got, floor):
    noun = "client" if clients == 1 else "clients"
    table.at_least(f"{what}, {clients} {noun}, to the same rows without CLM", got / floor, 0.6)


def compare_writes(table, what, clients, sample, floor):
    compare(table, what, clients, rate(sample), rate(floor(1)))
    if clients > 1:
        table.note(f"the same, to the loop with {clients} rows a commit", rate(sample) / rate(floor(clients)))


@contextlib.contextmanager
def fixed_answer(folder, text):
    file = folder / "answer"
    file.write_text(text)
    with subprocess.Popen([str(BUILD / "clm_bench"), "answer", str(file)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def answer_of(clm, path):
    return subprocess.run(["curl", "-sSf", clm.url + API + path], check=True, capture_output=True, text=True).stdout


def compare_gets(table, load, folder, item):
    paths = [("GET", f"/clusters/{item}", "")] * READS
    with fixed_answer(folder, answer_of(load.clm, f"/clusters/{item}")) as port:
        for clients in (1, 8):
            got = rate(load.send(paths, clients))
            load.write_file(paths)
            fixed = rate(measure("requests", port, load.file, clients))
            table.at_least(f"GET by id, {clients} {'client' if clients == 1 else 'clients'}, to a fixed answer",
                           got / fixed, 0.5)


def token_of(database, row):
    """`after` of the page that begins behind the row of this number, in the default order."""
    time_us, item = query(database, "SELECT created_time, id FROM resources WHERE kind = 'Cluster' "
                                    f"ORDER BY created_time DESC, id LIMIT 1 OFFSET {row - 1}")[0]
    return f"{time_us}.{item}"


def compare_pages(table, load, database, rows, size):
    page = min(1000, rows // size - 1)
    far = token_of(database, page * size)
    times = {far: [], "": []}
    for _ in range(5):  # in turns: what the machine does meanwhile is to hit both
        for after, all_times in times.items():
            all_times.append(load.get(f"/clusters?size={size}&after={after}", LISTS // 5))
    ratio = statistics.median(times[far]) / statistics.median(times[""])
    table.at_most(f"page {page} over page 1, {rows} rows, {size} a page", ratio, 1.2)


def compare_lists(table, load, database):
    floor = statistics.median(measure(
        "rows", database, LISTS, "SELECT * FROM resources WHERE kind = 'Cluster' "
        f"ORDER BY created_time DESC, id LIMIT {PAGE}")["us"])
    plain = load.get(f"/clusters?size={PAGE}", LISTS)
    labelled = load.get(f"/clusters?size={PAGE}&search=labels.shard%20%3D%20'7'", LISTS)
    table.at_most(f"LIST of {PAGE} out of {SMALL}, over reading the rows", plain / floor, 3)
    table.at_most(f"the same with a label search ({SMALL // 100} match), over the LIST", labelled / plain, 2)


def compare_watch(table, folder, commit_us):
    run = folder / "watch"
    with contract.Server(run) as clm:
        load = Load(clm, run)
        load.create("warm-", 200, 1)
        load.write_file(creates("watched-", WRITES // 10))
        sample = measure("watch", load.port, f"{API}/clusters/watch", load.file)
    table.at_most("change to watcher, 99th percentile from the request's first byte, over a commit's",
                  p99(sample["seen"]) / commit_us, 2)


def run_on_sqlite():
    table = Table("CLM on SQLite", "Floors: a C loop that writes the same rows into the same tables and indexes, one commit "
                  "(`synchronous=FULL`) a row; the same HTTP server with a fixed answer; reading the rows in place.")
    with tempfile.TemporaryDirectory(prefix="clm-bench-") as name:
        folder = pathlib.Path(name)
        writes_on_sqlite(table, folder)
        reads = folder / "reads"
        database = reads / "clm.db"
        with contract.Server(reads) as clm:
            pid = clm.process.pid
            load = Load(clm, reads)
            load.get("/clusters", 1)
            table.at_most("idle, resident", figures.resident_kib(pid) / 1024, 15, "MiB")
            load.fill("few-", SMALL)
            item, = query(database, "SELECT id FROM resources LIMIT 1")[0]
            compare_gets(table, load, reads, item)
            compare_lists(table, load, database)
            compare_pages(table, load, database, SMALL, 10)
            load.fill("many-", MEMORY_WRITES - SMALL)
            load.send([("GET", f"/clusters?size={PAGE}&page={page}", "") for page in range(1, MEMORY_WRITES // PAGE + 1)])
            table.at_most(f"after {MEMORY_WRITES} writes and a full listing, resident",
                          figures.resident_kib(pid) / 1024, 40, "MiB")
            load.fill("more-", LARGE - MEMORY_WRITES)
            compare_pages(table, load, database, LARGE, PAGE)
        checkpoint(database)
        compare_watch(table, folder, p99(create_floor_on(folder)["us"]))
    return table


def create_floor_on(folder):
    run = folder / "one-by-one"
    with contract.Server(run) as clm:
        Load(clm, run).create("bench-", WRITES // 2, 8)
    checkpoint(run / "clm.db")
    return create_floor(run, run / "clm.db", 1)


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


class Database:
    """A database of a PostgreSQL server that flushes; made from a template if one is named."""

    def __init__(self, server, name, template="template0"):
        self.server = server
        self.name = name
        self.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")

    @property
    def url(self):
        return f"postgresql:///{self.name}?host={self.server.folder}&user=reeve"

    def run(self, program, *words):
        return subprocess.run([*self.server.command(program, "-h", self.server.folder, "-U", "reeve", *words)], check=True,
                              cwd=self.server.folder, capture_output=True, text=True).stdout

    def psql(self, name, sql):
        return self.run("psql", "-X", "-q", "-A", "-t", "-d", name, "-c", sql).splitlines()

    def query(self, sql):
        return self.psql(self.name, sql)

    def transactions(self, script, clients, count):
        """Per second, of `count` in all; :id counts them from 1."""
        file = self.server.folder / "script.sql"
        file.write_text(f"\\set id :n * {clients} + :client_id + 1\n\\set n :n + 1\nBEGIN;\n{script}COMMIT;\n")
        output = self.run("pgbench", "-n", "-M", "prepared", "-c", clients, "-j", min(clients, 2), "-t", count // clients,
                          "-D", "n=0", "-f", file, self.name)
        return float(re.search(r"tps = ([\d.]+)", output).group(1))


def row_like(database, table, condition):
    text, = database.query(f"SELECT row_to_json(t) FROM (SELECT * FROM {table} WHERE {condition} LIMIT 1) t")
    return json.loads(text)


def literal(value):
    if isinstance(value, str):  # a colon would begin a variable of pgbench's
        return "E'" + value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"
    return "NULL" if value is None else str(value)


def insertion_like(database, table, condition, own):
    """INSERT of one row as there is, but for the columns whose expressions are given."""
    row = {column: literal(value) for column, value in row_like(database, table, condition).items()} | own
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())});\n"


ID = "lpad(CAST(CAST(:id AS bigint) AS text), 36, '0')"


def create_script(database):
    own = {"id": ID, "name": ID, "href": f"{literal(API + '/clusters/')} || {ID}"}
    return (insertion_like(database, "resources", "kind = 'Cluster'", own) +
            insertion_like(database, "resource_labels", "true", {"resource_id": ID}) +
            insertion_like(database, "changes", "true", {"sequence": "CAST(:id AS bigint)", "id": ID}) +
            insertion_like(database, "history", "true", {"sequence": "CAST(:id AS bigint)", "resource_id": ID}))


def report_script(database):
    conditions = literal(row_like(database, "resources", "kind = 'Cluster'")["conditions"])
    script = (insertion_like(database, "adapter_statuses", "true", {"resource_id": ID}) +
              f"UPDATE resources SET conditions = {conditions}, version = version + 1 WHERE id = {ID};\n")
    if database.query("SELECT 1 FROM changes WHERE event = 'status' LIMIT 1"):
        sequence = {"sequence": "1000000000 + CAST(:id AS bigint)"}
        script += (insertion_like(database, "changes", "event = 'status'", sequence | {"id": ID}) +
                   insertion_like(database, "history", "event = 'status'", sequence | {"resource_id": ID}))
    return script


def writes_on_postgresql(table, server, folder, clients):
    made = Database(server, f"made_{clients}")
    with contract.Server(folder / made.name, made.url) as clm:
        load = Load(clm, folder)
        created = load.create("bench-", WRITES, clients)
        ids = made.query("SELECT id FROM resources ORDER BY id")
    create_one = create_script(made)
    floor = Database(server, f"creates_{clients}", made.name)
    floor.query("TRUNCATE resources, resource_labels, changes, history")
    compare(table, "POST clusters", clients, rate(created), floor.transactions(create_one, clients, WRITES))
    floor = Database(server, f"reports_{clients}", made.name)
    with contract.Server(folder / made.name, made.url) as clm:
        reported = Load(clm, folder).send(reports(ids), clients)
    report_one = report_script(made)
    floor.query("UPDATE resources SET id = lpad(CAST(n AS text), 36, '0') FROM "
                "(SELECT id AS old, row_number() OVER () AS n FROM resources) AS numbered WHERE id = old")
    floor.query("VACUUM ANALYZE")
    compare(table, "PUT statuses", clients, rate(reported), floor.transactions(report_one, clients, WRITES))


def run_on_postgresql():
    table = Table("CLM on PostgreSQL", "Floor: pgbench with the same rows into the same tables and indexes in one transaction each "
                  "(`fsync`, `synchronous_commit` on), by as many clients.")
    server = contract.postgres()
    if server is None:
        raise SystemExit("PostgreSQL is not installed (tools/install-deps test)")
    with open(server.data / "postgresql.conf", "a", encoding="utf-8") as settings:
        settings.write("fsync = on\nshared_buffers = 256MB\n")
    try:
        server.start()
        with tempfile.TemporaryDirectory(prefix="clm-bench-") as name:
            for clients in CLIENTS:
                writes_on_postgresql(table, server, pathlib.Path(name), clients)
    finally:
        server.remove()
    return table
