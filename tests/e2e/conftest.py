"""Fixtures: a region of one's own, a signed client, kubectl."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from region import Region  # noqa: E402  (the path above)


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    """One region shared by a file's tests: one management cluster, no first cluster."""
    with Region(tmp_path_factory.mktemp("region")) as running:
        yield running


@pytest.fixture
def new_region(tmp_path):
    """Makes regions with options of the test's choice; all are stopped at its end."""
    made = []

    def make(*options, name="region"):
        running = Region(tmp_path / name, *options)
        made.append(running)
        running.start()
        return running

    yield make
    for running in made:
        running.stop()


@pytest.fixture(scope="session")
def kubectl():
    program = shutil.which("kubectl")
    if not program:
        pytest.skip("kubectl is not installed")

    def run(kubeconfig, *arguments, check=True, **options):
        environment = dict(os.environ, KUBECTL_KUBERC="false")
        result = subprocess.run([program, "--kubeconfig", kubeconfig, *arguments],
                                capture_output=True, text=True, timeout=60, env=environment, **options)
        if check and result.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {result.stderr}")
        return result.stdout if check else result

    return run
