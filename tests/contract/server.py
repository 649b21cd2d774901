"""CLM under test, when no base URL is given: `reeve serve clm` on SQLite, or on a PostgreSQL of its own."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("REEVE_BINARY", str(ROOT / "build" / "reeve"))
SCHEMAS = ROOT / "config" / "openapi.yaml"

WAIT_S = 60  # generous: with sanitizers everything is several times slower

# The kinds that the original ships.
ENTITIES = yaml.safe_load((ROOT / "config" / "clm.yaml").read_text())["entities"]


def shipped_entities():
    return yaml.safe_load((ROOT / "config" / "entities.yaml").read_text())["entities"]


def merged(base, more):
    """The document with another's members in it, maps in depth."""
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {**base, **{key: merged(base.get(key), value) for key, value in more.items()}}


def write_configuration(folder, database, entities, settings=None):
    file = pathlib.Path(folder) / "config.yaml"
    file.write_text(yaml.safe_dump(merged({
        "server": {"host": "127.0.0.1", "port": 0, "jwt": {"enabled": False},
                   "openapi_schema_path": str(SCHEMAS)},
        "health": {"host": "127.0.0.1", "port": 0},
        "metrics": {"host": "127.0.0.1", "port": 0},
        "logging": {"level": "warn"},
        "database": {"url": database},
        "entities": entities,
    }, settings or {})))
    return file


class Server:
    """`reeve serve clm` in a folder; a context manager. `prepare` runs in the child before the program; `settings`
    are laid over the configuration."""

    def __init__(self, folder, database=None, entities=None, prepare=None, settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = database or f"sqlite:{self.folder}/clm.db"
        self.entities = entities or ENTITIES
        self.prepare = prepare
        self.settings = settings
        self.ready = self.folder / "ready.json"
        self.process = None
        self.about = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        code = self.stop()
        # A sanitizer's finding ends the program with a code of its own.
        assert kind is not None or code in (0, -signal.SIGKILL), self.said()

    def start(self):
        config = write_configuration(self.folder, self.database, self.entities, self.settings)
        with open(self.folder / "clm.out", "ab") as output:
            self.process = subprocess.Popen(
                [BINARY, "serve", "clm", "--config", str(config), "--ready-file", str(self.ready)],
                stdout=output, stderr=output, preexec_fn=self.prepare)
        until = time.monotonic() + WAIT_S
        while not self.is_ready():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, f"waited {WAIT_S} s for CLM: {self.said()}"
            time.sleep(0.02)
        return self

    def is_ready(self):
        try:
            self.about = json.loads(self.ready.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return self.about["pid"] == self.process.pid  # one that was killed leaves its file

    @property
    def url(self):
        return self.about["url"]

    def said(self):
        return (self.folder / "clm.out").read_text(errors="replace")[-4000:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=WAIT_S)


def postgres():
    """A PostgreSQL server of one's own (tests/with-postgres), not started; None where there is none."""
    path = ROOT / "tests" / "with-postgres"
    loader = importlib.machinery.SourceFileLoader("with_postgres", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("with_postgres", loader))
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = was
    return module.Server() if module.programs() else None


def database_of(server):
    return f"postgresql:///postgres?host={server.folder}&user=reeve"
