"""A full disk: writes are refused with 507, what was acknowledged stays, reading goes on, room helps."""

import os
import subprocess

import pytest

from client import Clm, path_of, refused, unique
from server import Server

pytestmark = pytest.mark.own

# More than the log that waits to be moved into the database: moving it needs as much room again.
BALLAST = 6 << 20


@pytest.fixture
def small_disk(request, tmp_path):
    """A folder on a file system of its own of 16 MB."""
    if request.config.getoption("--store") != "sqlite":
        pytest.skip("the disk of a PostgreSQL server is its own affair; its code for this is tested with the driver")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("a file system of one's own needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(clm):
    """Creates until there is no room; gives what was acknowledged, and the first refusal."""
    acknowledged = []
    for _ in range(2000):
        response = clm.post("/channels", json=clm.body("Channel", spec={"a": "x" * 100000}))
        if response.status_code != 201:
            return acknowledged, response
        acknowledged.append(response.json())
    raise AssertionError("the disk did not fill")


def all_are_there(clm, acknowledged):
    for each in acknowledged:
        assert clm.read(each) == each
    assert clm.get("/channels").json()["total"] == len(acknowledged)


def test_a_full_disk_loses_nothing(small_disk, tmp_path):
    database = f"sqlite:{small_disk}/clm.db"
    (small_disk / "ballast").write_bytes(os.urandom(BALLAST))
    with Server(tmp_path / "run", database) as server:
        clm = Clm(server.url)
        acknowledged, response = fill(clm)
        assert len(acknowledged) > 10
        body = refused(response, 507, "SVC-001")
        assert "No space" in body["detail"] and str(small_disk) not in body["detail"]
        all_are_there(clm, acknowledged)

        # It stays so, for every kind of write, and says so.
        for _ in range(5):
            assert clm.post("/channels", json=clm.body("Channel", spec={"a": "x" * 200000})).status_code == 507
        refused(clm.patch(path_of(acknowledged[0]), json={"spec": {"a": "y" * 200000}}), 507, "SVC-001")
        all_are_there(clm, acknowledged)

        # Killed while full: all is there when there is room again.
        server.kill()
    (small_disk / "ballast").unlink()
    with Server(tmp_path / "run", database) as server:
        clm = Clm(server.url)
        all_are_there(clm, acknowledged)
        acknowledged.append(clm.create("/channels", name=unique()))
        all_are_there(clm, acknowledged)


def test_room_is_used_as_soon_as_there_is_some(small_disk, tmp_path):
    (small_disk / "ballast").write_bytes(os.urandom(BALLAST))
    with Server(tmp_path / "run", f"sqlite:{small_disk}/clm.db") as server:
        clm = Clm(server.url)
        acknowledged, response = fill(clm)
        assert response.status_code == 507
        (small_disk / "ballast").unlink()
        acknowledged.append(clm.create("/channels", spec={"a": "x" * 100000}))
        all_are_there(clm, acknowledged)
