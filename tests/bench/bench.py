"""`make bench`: ratios to floors measured in the same run, never bare times. Writes docs/benchmarks.md.

Arguments choose parts (region, clm, clm-postgresql; all when none is given); the others keep what the
file says of them. BENCH_QUICK=1 makes a small run, to see that it works, and writes nothing.
"""

import os
import pathlib
import platform
import re
import sys

import clm_figures
import region_figures
from figures import QUICK, ROOT

PARTS = {
    "region": region_figures.run,
    "clm": clm_figures.run_on_sqlite,
    "clm-postgresql": clm_figures.run_on_postgresql,
}
FILE = ROOT / "docs" / "benchmarks.md"


def machine():
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}, {int(memory) >> 20} GiB, "
            f"Linux {platform.release().split('-')[0]}")


def write(tables):
    old = re.split(r"^(?=## )", FILE.read_text(), flags=re.M)[1:] if FILE.exists() else []
    sections = {text.split("\n", 1)[0]: text for text in old}
    for table in tables:
        sections[f"## {table.title}"] = table.text()
    head = ("# Benchmarks\n\nWritten by `make bench`: ratios to floors measured in the same run on the same machine "
            f"({machine()}).\n\n")
    FILE.write_text(head + "\n".join(text.rstrip("\n") + "\n" for text in sections.values()))


def main():
    names = sys.argv[1:] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    tables = [PARTS[name]() for name in names]
    if not QUICK:
        write(tables)
    return 0 if all(table.passed() for table in tables) else 1


if __name__ == "__main__":
    sys.exit(main())
