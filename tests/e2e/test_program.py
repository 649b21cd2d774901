"""The program as such: version, help, unknown subcommands."""

import os
import subprocess

REEVE = os.environ.get("REEVE_BINARY", "build/reeve")


def run(*arguments):
    return subprocess.run([REEVE, *arguments], capture_output=True, text=True, timeout=30)


def test_version_names_the_program():
    result = run("version")
    assert result.returncode == 0
    assert result.stdout.startswith("reeve ")
