"""`make bench`: ratios of the region's figures to floors measured in the same run, never bare times.

Writes docs/benchmarks.md. BENCH_QUICK=1 makes a small run, to see that it works.
"""

import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from region import EXAMPLE, Region, wait_for  # noqa: E402

PROGRAM = os.environ.get("REEVE_BENCH", str(ROOT / "build" / "reeve_bench"))
QUICK = bool(os.environ.get("BENCH_QUICK"))
LATENCY_COUNT = 30 if QUICK else 200
MANY = 200 if QUICK else 2000
TOTAL = 400 if QUICK else 5000
CLIENTS = 32


def measure(*arguments):
    result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=1200)
    if result.returncode:
        raise SystemExit(f"reeve_bench {' '.join(map(str, arguments[:1]))}: {result.stderr}")
    return json.loads(result.stdout)


def median(sample):
    return statistics.median(sample["us"])


def p99(sample):
    return sorted(sample["us"])[int(len(sample["us"]) * 0.99) - 1]


def pids(region):
    listing = subprocess.run(["pgrep", "-P", str(region.process.pid)], capture_output=True, text=True)
    own = [region.process.pid] + [int(line) for line in listing.stdout.split()]
    return [pid for pid in own if "mosquitto" not in pathlib.Path(f"/proc/{pid}/comm").read_text()]


def resident_kib(region):
    total = 0
    for pid in pids(region):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
    return total


def cpu_seconds(region):
    total = 0
    for pid in pids(region):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def settle(region):
    """Waits until nothing more happens: processor time stands still."""
    previous = -1
    while True:
        now = cpu_seconds(region)
        if now - previous < 0.03:
            return
        previous = now
        time.sleep(1)


def rendered_manifests(region, folder):
    """The manifests of one real cluster, as the hypershift adapter renders them, in a file."""
    created = region.create("render")
    region.await_up(created["id"])
    bundles = region.maestro("GET", "/resource-bundles?size=1000").json()["items"]
    bundle, = [item for item in bundles if created["id"] in json.dumps(item["manifests"])]
    path = folder / "manifests.json"
    path.write_text(json.dumps(bundle["manifests"]))
    region.delete(created["id"])
    region.await_gone(created["id"])
    return path, created["id"]


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, ratio, target, passed):
        self.rows.append((what, ratio, target, passed))
        print(f"{'ok  ' if passed else 'MISS'}  {what}: {ratio} (target {target})", flush=True)

    def at_most(self, what, value, limit, unit="x"):
        self.add(what, f"{value:.2f} {unit}", f"at most {limit} {unit}", value <= limit)

    def at_least(self, what, value, limit):
        self.add(what, f"{value:.0%}", f"at least {limit:.0%}", value >= limit)


def create(region, prefix, count, threads):
    configs = [item["kubeconfig"] for item in region.about["management_clusters"]]
    return measure("create", region.folder, EXAMPLE, prefix, count, threads, *configs)


def latency(region, table, floors, folder, manifests, cluster_id):
    floors["apply"] = median(measure("apply-one", manifests, cluster_id, LATENCY_COUNT,
                                     region.kubeconfig()))
    floor = sum(floors.values())
    sample = create(region, "latency-", LATENCY_COUNT, 1)
    parts = ", ".join(f"{name} {us / floor:.0%}" for name, us in floors.items())
    table.at_most(f"create to applied, median of {LATENCY_COUNT}, over the floor ({parts})",
                  median(sample) / floor, 4)
    table.at_most("the same, 99th percentile", p99(sample) / floor, 12)
    return sample


def throughput(region, table, folder, manifests, cluster_id):
    inserts = measure("inserts", EXAMPLE, MANY, CLIENTS, folder)
    applied = measure("apply", manifests, cluster_id, MANY // 2, CLIENTS, region.kubeconfig())
    sample = create(region, "many-", MANY, CLIENTS)
    table.at_least(f"{MANY} created by {CLIENTS} clients: accepted, to raw grouped inserts",
                   (MANY / sample["accepted_seconds"]) / (MANY / inserts["seconds"]), 0.5)
    table.at_least("the same: applied, to applying the same manifests from a file",
                   (MANY / sample["applied_seconds"]) / ((MANY // 2) / applied["seconds"]), 0.4)


def main():
    table = Table()
    with tempfile.TemporaryDirectory(prefix="reeve-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = pathlib.Path(name)
        floors = {
            "http": median(measure("http", EXAMPLE, LATENCY_COUNT)),
            "commit": median(measure("commit", EXAMPLE, LATENCY_COUNT, folder)),
            "mqtt": median(measure("mqtt", LATENCY_COUNT, folder / "mqtt")),
        }
        with Region(folder / "region", "--capacity", "10000", "--log-level", "warn") as region:
            settle(region)
            idle = resident_kib(region)
            table.at_most("idle region, all processes but the broker, resident", idle / 1024, 60, "MiB")
            manifests, cluster_id = rendered_manifests(region, folder)
            small = create(region, "warm-", 50, 1)
            settle(region)
            cpu = cpu_seconds(region)
            few = create(region, "few-", 50, 1)
            settle(region)
            cpu_few = cpu_seconds(region) - cpu
            latency(region, table, floors, folder, manifests, cluster_id)
        with Region(folder / "many", "--capacity", "10000", "--log-level", "warn") as region:
            settle(region)
            idle = resident_kib(region)
            throughput(region, table, folder, manifests, cluster_id)
            create(region, "fill-", TOTAL - MANY, CLIENTS)
            settle(region)
            table.at_most(f"memory per cluster at {TOTAL}", (resident_kib(region) - idle) / TOTAL, 20, "KiB")
            cpu = cpu_seconds(region)
            full = create(region, "full-", 50, 1)
            settle(region)
            cpu_full = cpu_seconds(region) - cpu
            table.at_most(f"latency of a create at {TOTAL} clusters, over that at 50",
                          median(full) / median(few), 1.3)
            table.at_most(f"processor time of a create at {TOTAL} clusters, over that at 50",
                          cpu_full / cpu_few, 1.3)
        del small
    write(table)
    return 0 if all(row[3] for row in table.rows) else 1


def write(table):
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    lines = ["# Benchmarks", "",
             "Written by `make bench`. Ratios to floors measured in the same run on the same machine: one loopback POST, "
             "one SQLite commit (`synchronous=FULL`), one QoS 1 message there and back, one server-side apply.", "",
             f"Machine: {os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}, "
             f"{int(memory) >> 20} GiB, Linux {platform.release().split('-')[0]}.", "",
             "| figure | measured | target | |", "|---|---|---|---|"]
    lines += [f"| {what} | {ratio} | {target} | {'met' if passed else '**missed**'} |"
              for what, ratio, target, passed in table.rows]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
