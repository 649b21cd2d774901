"""Requests that schemathesis makes up from the served OpenAPI document, valid ones and others.

Run as a program it is the hooks module of `st run`, too: a check of our own beside the tool's.
"""

import os
import pathlib
import subprocess
import sys

import schemathesis

# `default` in the document stands for any code: these are meant. 405 comes in plain text.
REFUSALS = {400, 404, 405, 409, 410, 412, 413, 414, 422, 431}
CHECKS = ("not_a_server_error", "status_code_conformance", "response_schema_conformance", "response_headers_conformance",
          "meant_codes_only")
ENDLESS = "/watch$"  # a stream; it has tests of its own
LEAST_CASES = 100  # a run with fewer has not reached the API


@schemathesis.check
def meant_codes_only(ctx, response, case):
    code = response.status_code
    if code in REFUSALS:
        kind = response.headers["content-type"][0].split(";")[0]
        # libmicrohttpd itself answers to a head that is no HTTP or far too long, in HTML.
        assert kind in ({"text/plain"} if code == 405 else {"application/problem+json", "text/html"}), kind
    else:
        documented = case.operation.definition.raw.get("responses", {})
        assert str(code) in documented, f"{code} is neither documented nor a refusal"


def run(url, seed, examples, timeout_s):
    """Ends with the tool's output and whether all went well."""
    base = url + "/api/hyperfleet/v1"
    environment = dict(os.environ, SCHEMATHESIS_HOOKS="properties",
                       PYTHONPATH=str(pathlib.Path(__file__).parent))
    result = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "st"), "run", base + "/openapi", "--url", base, "--seed", str(seed),
         "--max-examples", str(examples), "--checks", ",".join(CHECKS), "--exclude-path-regex", ENDLESS, "--no-color",
         "--suppress-health-check", "all", "--generation-database", "none", "--request-timeout", "30", "--warnings", "off"],
        env=environment, cwd="/tmp", capture_output=True, text=True, timeout=timeout_s, check=False)
    return result.returncode == 0, result.stdout + result.stderr
