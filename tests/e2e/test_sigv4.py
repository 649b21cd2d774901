"""Signatures made by botocore, in the header and in the URL, for targets that are easy to get wrong."""

import datetime

import botocore.auth
import botocore.awsrequest
import pytest

from freezer import frozen_botocore

QUERIES = [
    "",
    "?limit=1",
    "?offset=0&limit=2",
    "?limit=2&limit=1",
    "?a=%20&b=%2F&c=%25&d=%2B",
    "?name=%C3%BC&x=~-._",
    "?flag&empty=&z=1",
    "?b=2&a=1&B=3&A=4",
    "?" + "&".join(f"p{i}={i}" for i in range(200)),
]


@pytest.mark.parametrize("query", QUERIES)
def test_queries(region, query):
    response = region.request("GET", "/api/v0/clusters" + query)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("segment", ["a%20b", "a%2Fb", "%C3%BC", "a+b", "a:b@c", "~x", "a%252Fb", "100%25"])
def test_paths(region, segment):
    """No such cluster, but the signature holds."""
    response = region.request("GET", "/api/v0/clusters/" + segment)
    assert response.status_code == 404, response.text
    assert response.json()["code"] == "CLUSTERS-MGMT-GET-001"


def presign(region, path, expires=60):
    request = botocore.awsrequest.AWSRequest(method="GET", url=region.url + path)
    botocore.auth.SigV4QueryAuth(region.credentials(), "execute-api", region.about["frontend"]["region"],
                                 expires=expires).add_auth(request)
    return request.url


def test_presigned(region):
    url = presign(region, "/api/v0/clusters?limit=1&x=a%20b")
    assert region.session.get(url).status_code == 200
    assert region.session.get(url + "&limit=2").status_code == 403
    assert region.session.post(url, json={}).status_code == 403


def test_presigned_and_expired(region):
    with frozen_botocore(datetime.timedelta(hours=-1)):
        url = presign(region, "/api/v0/clusters", expires=60)
    response = region.session.get(url)
    assert response.status_code == 403
    assert "expired" in response.json()["reason"]


def test_identity_headers_are_the_signers_own(region):
    """A client may say who it thinks it is; what counts is the key."""
    response = region.request("GET", "/api/v0/clusters", headers={
        "X-Amz-Account-Id": "999999999999", "X-Amz-Caller-Arn": "arn:aws:iam::999999999999:root"})
    assert response.status_code == 200, response.text
    own = region.request("GET", "/api/v0/clusters").json()
    assert response.json()["total"] == own["total"]
