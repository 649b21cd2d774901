"""What the benchmarks share: figures with their targets, and the measuring programs."""

import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("REEVE_BENCH_BUILD", ROOT / "build"))
QUICK = bool(os.environ.get("BENCH_QUICK"))


def measure(program, *arguments):
    """Runs a measuring program of tests/bench; what it printed."""
    words = [str(BUILD / program), *map(str, arguments)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=1800)
    if result.returncode:
        raise SystemExit(f"{' '.join(words[:2])}: {result.stderr}")
    return json.loads(result.stdout)


def p99(numbers):
    return sorted(numbers)[int(len(numbers) * 0.99) - 1]


def resident_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


class Table:
    """One part's figures. A figure without a target is there to be compared."""

    def __init__(self, title, about):
        self.title = title
        self.about = about
        self.rows = []

    def add(self, what, ratio, target, passed):
        self.rows.append((what, ratio, target, passed))
        verdict = {True: "ok  ", False: "MISS", None: "    "}[passed]
        print(f"{verdict}  {what}: {ratio}{f' (target {target})' if target else ''}", flush=True)

    def at_most(self, what, value, limit, unit="x"):
        self.add(what, f"{value:.2f} {unit}", f"at most {limit} {unit}", value <= limit)

    def at_least(self, what, value, limit):
        self.add(what, f"{value:.0%}", f"at least {limit:.0%}", value >= limit)

    def note(self, what, value):
        self.add(what, f"{value:.0%}", "", None)

    def passed(self):
        return all(row[3] is not False for row in self.rows)

    def text(self):
        verdict = {True: "met", False: "**missed**", None: ""}
        return "\n".join([f"## {self.title}", "", self.about, "", "| figure | measured | target | |", "|---|---|---|---|",
                          *(f"| {what} | {ratio} | {target} | {verdict[passed]} |"
                            for what, ratio, target, passed in self.rows), ""])
