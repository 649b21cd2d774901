"""Requests that schemathesis makes up from the served OpenAPI document, valid ones and others.

Run as a program it is the hooks module of `st run`, too: a check of our own beside the tool's.
"""

import os
import pathlib
import subprocess
import sys

import schemathesis

CHECKS = ("not_a_server_error", "response_schema_conformance", "response_headers_conformance", "documented_codes_only")
SAMPLE = r"^/(clusters|clusters/{parent_id}/nodepools|resources)(/|$)"  # every kind has the same operations
ENDLESS = "/watch$"  # a stream; it has tests of its own
LEAST_CASES = 100  # a run with fewer has not reached the API


@schemathesis.check
def documented_codes_only(ctx, response, case):
    """Besides, a path has methods (405, in plain text)."""
    code = response.status_code
    kind = response.headers["content-type"][0].split(";")[0] if code >= 400 else ""
    if code == 405:
        assert kind == "text/plain", kind
        return
    assert str(code) in case.operation.definition.raw.get("responses", {}), f"{code} is not documented"
    # libmicrohttpd itself answers to a head that is no HTTP or far too long, in HTML.
    assert code < 400 or kind in ("application/problem+json", "text/html"), kind


def run(url, seed, examples, timeout_s, *arguments, checks=CHECKS):
    """Ends with the tool's output and whether all went well."""
    base = url + "/api/hyperfleet/v1"
    environment = dict(os.environ, SCHEMATHESIS_HOOKS="properties",
                       PYTHONPATH=str(pathlib.Path(__file__).parent))
    result = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "st"), "run", base + "/openapi", "--url", base, "--seed", str(seed),
         "--max-examples", str(examples), "--checks", ",".join(checks), "--exclude-path-regex", ENDLESS, "--no-color",
         "--suppress-health-check", "all", "--generation-database", "none", "--request-timeout", "30", "--warnings", "off", *arguments],
        env=environment, cwd="/tmp", capture_output=True, text=True, timeout=timeout_s, check=False)
    return result.returncode == 0, result.stdout + result.stderr
