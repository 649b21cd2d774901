"""The second half of `make soak`: three processes of CLM among faults, then requests made up from the OpenAPI document."""

import pathlib
import sys
import tempfile
import time

import properties
import three_processes
from server import Server, shipped_entities

EXAMPLES = 10  # per operation and round

# The tool changes schemas that it has found under allOf while it works, and then misses members in answers that were
# never required. The short run of `make test`, which it does not happen to, holds answers against their schemas.
CHECKS = tuple(check for check in properties.CHECKS if check != "response_schema_conformance")


def make_up_requests(folder, seed, seconds):
    until = time.monotonic() + seconds
    rounds = 0
    with Server(folder, entities=shipped_entities()) as server:
        while time.monotonic() < until:
            passed, output = properties.run(server.url, seed + rounds, EXAMPLES, 3600, checks=CHECKS)
            assert passed, output
            rounds += 1
    return f"{rounds} rounds of made-up requests passed from seed {seed}"


def main(seconds, seed):
    with tempfile.TemporaryDirectory(prefix="reeve-soak-") as folder:
        done = three_processes.run(pathlib.Path(folder) / "three", seed, seconds)
        print("three processes of CLM:", done or "PostgreSQL is not installed", flush=True)
        print(make_up_requests(pathlib.Path(folder) / "properties", seed, seconds / 5), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
