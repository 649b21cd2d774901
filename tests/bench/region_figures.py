"""The region's part of `make bench`: from a signed request to what the management cluster has."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import figures
from figures import QUICK, ROOT, Table, p99

sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from region import EXAMPLE, Region  # noqa: E402

LATENCY_COUNT = 30 if QUICK else 200
MANY = 200 if QUICK else 2000
TOTAL = 400 if QUICK else 5000
CLIENTS = 32


def measure(*arguments):
    return figures.measure("reeve_bench", *arguments)


def median(sample):
    return statistics.median(sample["us"])


def pids(region):
    listing = subprocess.run(["pgrep", "-P", str(region.process.pid)], capture_output=True, text=True)
    own = [region.process.pid] + [int(line) for line in listing.stdout.split()]
    return [pid for pid in own if "mosquitto" not in pathlib.Path(f"/proc/{pid}/comm").read_text()]


def resident_kib(region):
    return sum(map(figures.resident_kib, pids(region)))


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
    table.at_most("the same, 99th percentile", p99(sample["us"]) / floor, 12)
    return sample


def throughput(region, table, folder, manifests, cluster_id):
    inserts = measure("inserts", EXAMPLE, MANY, CLIENTS, folder)
    applied = measure("apply", manifests, cluster_id, MANY // 2, CLIENTS, region.kubeconfig())
    sample = create(region, "many-", MANY, CLIENTS)
    table.at_least(f"{MANY} created by {CLIENTS} clients: accepted, to raw grouped inserts",
                   (MANY / sample["accepted_seconds"]) / (MANY / inserts["seconds"]), 0.5)
    table.at_least("the same: applied, to applying the same manifests from a file",
                   (MANY / sample["applied_seconds"]) / ((MANY // 2) / applied["seconds"]), 0.4)


def run():
    table = Table("Region", "Floor of a create: one loopback POST, one SQLite commit (`synchronous=FULL`), one QoS 1 message "
                  "there and back, one server-side apply.")
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
            create(region, "warm-", 50, 1)
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
    return table
