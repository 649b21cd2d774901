"""No request that can be made up from the OpenAPI document brings a 5xx or a code that is not meant."""

import re

import pytest

import properties
from server import Server, shipped_entities

SEED = 20260823
EXAMPLES = 5  # per operation; `make soak` makes more of them, of every kind and in every way


@pytest.mark.once
@pytest.mark.own
@pytest.mark.timeout(300)
def test_requests_from_the_openapi_document(tmp_path):
    with Server(tmp_path, entities=shipped_entities()) as server:
        passed, output = properties.run(
            server.url, SEED, EXAMPLES, 240,
            "--phases", "examples,fuzzing", "--include-path-regex", properties.SAMPLE)
        assert passed, output[-20000:]
        assert int(re.search(r"(\d+) generated", output)[1]) >= properties.LEAST_CASES
