"""`reeve up` as shown to a person, and `reeve cluster`."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

from region import BINARY, EXAMPLE, Region, wait_for


def reeve(*arguments, check=True, **options):
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=90, **options)
    if check:
        assert result.returncode == 0, result.stderr
    return result


def test_progress_and_each_printed_command(tmp_path):
    with Region(tmp_path / "region", "--first-cluster") as region:
        wait_for(lambda: "The region is up" in region.said(), "the hints", context=region.said)
        said = region.said()
        lines = ["broker ready", "CLM ready", "Maestro ready", "management cluster mc-1 registered",
                 "frontend ready", "first cluster created", "Reconciled", "Available"]
        positions = [said.index(line) for line in lines[:6]]
        assert positions == sorted(positions), said
        assert all(re.search(rf"^ +\d+\.\d\ds  {line}", said, re.M) for line in lines), said
        commands = [line.strip() for line in said.splitlines()
                    if line.startswith("  ") and not line.strip().startswith("#")
                    and re.match(r"  (curl|kubectl|/.*reeve cluster) ", line)]
        assert len(commands) == 7, said
        for command in commands:
            result = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=90)
            assert result.returncode == 0, f"{command}: {result.stdout} {result.stderr}"
            assert result.stdout.strip(), command


def test_create_list_get_watch_delete(region):
    folder = region.folder
    created = reeve("cluster", "create", "--dir", folder, "--name", "by-cli", EXAMPLE)
    assert "by-cli" in created.stdout
    watched = reeve("cluster", "watch", "--dir", folder, "by-cli", "--timeout", "60s")
    assert "Available" in watched.stdout
    listed = json.loads(reeve("cluster", "list", "--dir", folder, "--json").stdout)
    assert "by-cli" in [item["name"] for item in listed["items"]]
    assert "by-cli" in reeve("cluster", "list", "--dir", folder).stdout
    one = json.loads(reeve("cluster", "get", "--dir", folder, "by-cli", "--json").stdout)
    assert one["status"]["phase"] == "Ready"
    reeve("cluster", "delete", "--dir", folder, "by-cli")
    region.await_gone(one["id"])


def test_create_reads_pipes_and_standard_input(region):
    text = EXAMPLE.read_text()
    piped = f"cat {shlex.quote(str(EXAMPLE))}"
    command = f"{shlex.quote(BINARY)} cluster create --dir {shlex.quote(str(region.folder))}"
    for name, line in [("by-pipe", f"{command} --name by-pipe <({piped})"),
                       ("by-stdin", f"{piped} | {command} --name by-stdin -")]:
        result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=90)
        assert result.returncode == 0 and name in result.stdout, result.stderr
    for long in (" " * (4 << 20) + text, ""):
        result = reeve("cluster", "create", "--dir", region.folder, "-", check=False, input=long)
        assert result.returncode != 0
        assert result.stderr.startswith("reeve: standard input"), result.stderr


@pytest.mark.parametrize("arguments,words", [
    (["get", "nope"], ["nope"]),
    (["create", "/nonexistent.json"], ["/nonexistent.json"]),
    (["create"], ["FILE"]),
    (["frobnicate"], ["frobnicate"]),
    (["list", "--colour"], ["--colour"]),
    (["list", "--dir", ""], ["--dir", "empty"]),
    (["list", "--dir="], ["--dir", "empty"]),
    (["list", "--dir"], ["--dir", "needs a value"]),
])
def test_wrong_use_is_told_in_one_line(region, arguments, words):
    environment = dict(os.environ, REEVE_DIR=str(region.folder))
    result = reeve("cluster", *arguments, check=False, env=environment)
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("reeve: "), result.stderr
    for word in words:
        assert word in lines[0]


def processes_of(folder):
    """Command lines that name a file in the folder."""
    found = subprocess.run(["pgrep", "-af", str(folder)], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if "pgrep" not in line]


def ends_soon(region):
    region.process.send_signal(signal.SIGTERM)
    region.process.wait(timeout=5)
    assert processes_of(region.folder) == []


def test_a_stop_while_a_management_cluster_starts_is_prompt(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "users": [{"name": "a", "user": {}}],
            "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}]}))
        region = Region(tmp_path / "region", "--kubeconfig", str(kubeconfig)).start(wait=False)
        silent.settimeout(60)
        peer, _ = silent.accept()  # it asks, and gets no answer
        with peer:
            ends_soon(region)
        assert region.process.returncode == 0, region.said()
        assert "Stopped." in region.said()


def test_a_stop_at_any_moment_of_the_start_leaves_nothing(tmp_path):
    region = Region(tmp_path / "region")
    for attempt in range(12):
        region.start(wait=False)
        time.sleep(0.025 * attempt)
        ends_soon(region)
    region.start()  # neither lock nor port is left taken
    region.stop()


def test_no_region_is_told_with_how_to_start_one(tmp_path):
    result = reeve("cluster", "list", "--dir", tmp_path, check=False)
    assert "reeve up --dir" in result.stderr


def test_help_manual_and_completion_agree_with_the_table():
    top = reeve("--help").stdout
    names = re.findall(r"^  ([a-z-]+) ", top, re.M)
    assert {"up", "cluster", "completion", "man", "version"} <= set(names)
    manual, completion = reeve("man").stdout, reeve("completion", "bash").stdout
    for name in names:
        assert name in completion
        assert name.replace("-", "\\-") in manual
        assert reeve(name, "--help").stdout
    assert subprocess.run(["bash", "-n"], input=completion, text=True).returncode == 0
