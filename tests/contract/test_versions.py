"""ETag and If-Match: a write that was decided on an older state is refused, and changes nothing."""

import pytest

from client import path_of, refused, required_adapters

pytestmark = pytest.mark.reeve


def etag(clm, resource):
    return clm.get(path_of(resource)).headers["ETag"]


def test_every_answer_with_a_resource_says_its_version(clm):
    answer = clm.post("/channels", json=clm.body("Channel"))
    made, tag = answer.json(), answer.headers["ETag"]
    assert tag.startswith('"') and tag.endswith('"')
    for path in (path_of(made), f"/resources/{made['id']}", path_of(made) + "?include=statuses", path_of(made) + "?fields=id"):
        assert clm.get(path).headers["ETag"] == tag
    assert clm.patch(path_of(made), json={"labels": {}}).headers["ETag"] == tag  # nothing was changed
    changed = clm.patch(path_of(made), json={"labels": {"k": "v"}}).headers["ETag"]
    assert changed != tag and changed == etag(clm, made)


def test_a_deletion_says_the_new_version(clm):
    made = clm.create()
    before = etag(clm, made)
    after = clm.delete(path_of(made)).headers["ETag"]
    assert after != before and after == etag(clm, made)


def test_a_report_moves_the_version_when_it_moves_conditions(clm):
    made = clm.create()
    adapter = required_adapters(made)[0]
    before = etag(clm, made)
    assert clm.report(made, adapter).status_code == 201
    after = etag(clm, made)
    assert after != before
    assert clm.report(made, adapter).status_code == 201  # says the same
    assert etag(clm, made) == after


STALE = '"0-0"'


@pytest.mark.parametrize("tag", [STALE, "0-0", '"0-0", "0-1"', "W/" + STALE, ""])
@pytest.mark.parametrize("method,suffix,body", [
    ("PATCH", "", {"labels": {"k": "w"}}),
    ("DELETE", "", None),
    ("PUT", "/statuses", "report"),
])
def test_a_stale_writer_changes_nothing(clm, method, suffix, body, tag):
    made = clm.create(labels={"k": "v"})
    if body == "report":
        body = {"adapter": "dns", "observed_generation": 1,
                "conditions": [{"type": kind, "status": "True"} for kind in ("Available", "Applied", "Health")]}
    answer = clm.request(method, path_of(made) + suffix, json=body, headers={"If-Match": tag})
    said = refused(answer, 412, "CNF-002")
    assert said["title"] == "Version Conflict" and "read it again" in said["detail"]
    assert clm.read(made) == made
    assert clm.items(path_of(made) + "/statuses") == []
    answer = clm.request(method, path_of(made) + suffix, json=body, headers={"If-Match": etag(clm, made)})
    assert answer.status_code in (200, 201, 202)


def test_force_is_no_excuse(clm):
    made = clm.create()
    before = etag(clm, made)
    clm.delete(path_of(made))
    path = path_of(made) + "/force-delete"
    refused(clm.post(path, json={"reason": "x"}, headers={"If-Match": before}), 412, "CNF-002")
    assert clm.read(made)["id"] == made["id"]
    assert clm.post(path, json={"reason": "x"}, headers={"If-Match": etag(clm, made)}).status_code == 204


def test_one_of_several_versions_may_match(clm):
    made = clm.create("/channels")
    for wanted in (f"{STALE}, {etag(clm, made)}", "*"):
        assert clm.patch(path_of(made), json={"labels": {}}, headers={"If-Match": wanted}).status_code == 200


def test_what_is_gone_or_going_is_told_as_that(clm):
    """A missing resource is 404 and a marked one 409, whatever the version."""
    refused(clm.patch("/clusters/nope", json={"labels": {}}, headers={"If-Match": STALE}), 404, "NTF-001")
    made = clm.create()
    clm.delete(path_of(made))
    refused(clm.patch(path_of(made), json={"labels": {}}, headers={"If-Match": STALE}), 409, "CNF-003")
