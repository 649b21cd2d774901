"""`make soak`: rounds of faults until the time is over; each round has a seed that is printed."""

import pathlib
import sys
import tempfile
import time

import faults


def main(seconds, seed):
    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        with tempfile.TemporaryDirectory(prefix="reeve-soak-") as folder:
            faults.run(pathlib.Path(folder) / "region", seed=seed + rounds, customers=8, operations=100,
                       interval=2.0, options=["--management-clusters", "2", "--capacity", "1000"],
                       log=lambda text: print(text, flush=True))
        rounds += 1
    print(f"{rounds} rounds passed from seed {seed}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
