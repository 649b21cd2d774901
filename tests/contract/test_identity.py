"""Tokens: which are taken, what is said about the others, and whose name is recorded."""

import base64
import hashlib
import hmac
import http.client
import json
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization

import server as servers
from client import BASE, TIMEOUT_S, Clm, path_of, refused
from issuer import Issuer, Key, bearer

pytestmark = [pytest.mark.reeve, pytest.mark.own]

INTERVAL_S = 2.2  # between readings of an issuer's keys for a key that is not known


@pytest.fixture(scope="module")
def issuer():
    with Issuer(Key("r1"), Key("e1", "ES256"), Key("e2", "ES384"), path="/first") as running:
        yield running


@pytest.fixture(scope="module")
def second():
    with Issuer(Key("r1"), path="/second") as running:
        yield running


@pytest.fixture(scope="module")
def server(issuer, second, database, tmp_path_factory):
    settings = {"server": {"jwt": {"enabled": True, "configs": [
        issuer.settings(audience="clm", identity_header="X-HyperFleet-Identity"),
        second.settings(header="X-Machine-Token", identity_claim="sub", identity_claim_pattern="^system:"),
    ]}}}
    with servers.Server(tmp_path_factory.mktemp("identity"), database, settings=settings) as running:
        yield running


@pytest.fixture
def good(issuer):
    def make(**members):
        return issuer.token(**{"aud": "clm", **members})
    return make


@pytest.fixture
def clm(server, good):
    client = Clm(server.url)
    client.session.headers.update(bearer(good()))
    yield client
    client.clean()
    client.session.close()


@pytest.fixture
def ask(server):
    """GET /channels with these headers, by a connection of its own."""
    def get(headers, path="/channels"):
        return requests.get(server.url + BASE + path, headers=headers, timeout=TIMEOUT_S)
    return get


def challenged(response, code, detail=None):
    """Checks a 401 with its challenge (RFC 6750); gives its body."""
    body = refused(response, 401, code, detail)
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="hyperfleet"')
    assert ('error="invalid_token"' in challenge) == (code != "AUT-001")
    assert body["type"].endswith("/authentication-error")
    return body


def eventually(holds):
    """While an issuer's keys cannot be read, nobody waits for them: they are asked for, and the next request may find them."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


# --- what is taken -------------------------------------------------------------------------------


@pytest.mark.parametrize("number,algorithm", [(0, "RS256"), (0, "RS384"), (0, "RS512"), (1, "ES256"), (2, "ES384")])
def test_each_algorithm_is_taken_with_its_key(ask, good, issuer, number, algorithm):
    assert ask(bearer(good(key=issuer.keys[number], algorithm=algorithm))).status_code == 200


def test_a_token_without_a_key_id_means_the_only_key_for_its_algorithm(ask, good, issuer):
    assert ask(bearer(good(key=issuer.keys[1], headers={"kid": None}))).status_code == 200


@pytest.mark.parametrize("claims", [
    {"aud": ["other", "clm"]}, {"iat": None}, {"nbf": 0}, {"email": None},
    {"exp": "now-20"}, {"nbf": "now+20"},  # within the leeway of 30 s
])
def test_claims_that_are_taken(ask, good, claims):
    assert ask(bearer(good(**in_time(claims)))).status_code == 200


def in_time(claims):
    return {name: int(time.time()) + int(value[3:]) if str(value).startswith("now") else value
            for name, value in claims.items()}


def test_the_scheme_is_read_in_any_case(ask, good):
    assert ask({"Authorization": f"bearer  {good()}"}).status_code == 200


def test_the_second_issuer_has_a_header_of_its_own(ask, server, second, good):
    token = second.token(sub="system:sentinel")
    assert ask({"X-Machine-Token": f"Bearer {token}"}).status_code == 200
    challenged(ask(bearer(token)), "AUT-002")
    # One bad token beside a good one does not matter: each issuer is tried.
    assert ask({"X-Machine-Token": f"Bearer {token}", **bearer("nonsense")}).status_code == 200
    assert ask({"X-Machine-Token": "Bearer nonsense", **bearer(good())}).status_code == 200


def test_issuers_do_not_sign_for_each_other(ask, good, issuer, second):
    # Both have a key of the id r1.
    challenged(ask(bearer(good(key=second.keys[0]))), "AUT-002")
    challenged(ask(bearer(second.token(iss=issuer.url, aud="clm"))), "AUT-002")
    challenged(ask({"X-Machine-Token": f"Bearer {issuer.token(iss=second.url)}"}), "AUT-002")


# --- what is refused -----------------------------------------------------------------------------


def test_nothing_is_seen_without_a_token(ask):
    challenged(ask({}), "AUT-001", "missing authorization header")
    challenged(ask({"Authorization": ""}), "AUT-001", "missing authorization header")


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer a b", "Token abc", "Bearerabc"])
def test_another_scheme_is_told(ask, header):
    challenged(ask({"Authorization": header}), "AUT-002", "authorization header does not use Bearer scheme")


def test_an_expired_token_is_told(ask, good, issuer):
    expired = good(exp=int(time.time()) - 60, iat=None)
    challenged(ask(bearer(expired)), "AUT-003", "JWT token has expired")
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(expired, issuer.keys[0].private.public_key(), ["RS256"], audience="clm", leeway=30)
    # Only its bearer is told: of a forged one nothing but that.
    forged = issuer.token(key=Key("r1"), aud="clm", exp=1)
    challenged(ask(bearer(forged)), "AUT-002")


@pytest.mark.parametrize("claims,word", [
    ({"exp": None}, "exp"), ({"exp": "soon"}, "exp"),
    ({"nbf": "now+60"}, "nbf"), ({"iat": "now+60"}, "iat"),
    ({"aud": None}, "aud"), ({"aud": "clm2"}, "aud"), ({"aud": ["a", "b"]}, "aud"),
    ({"iss": "https://other"}, "iss"), ({"iss": None}, "iss"),
])
def test_claims_that_are_refused(ask, good, claims, word):
    assert word in challenged(ask(bearer(good(**in_time(claims)))), "AUT-002")["detail"]


def part(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_none(ask, good):
    for name in ("none", "None", "NONE", "nOnE", ""):
        claims = good().split(".")[1]
        challenged(ask(bearer(f"{part({'alg': name, 'kid': 'r1'})}.{claims}.")), "AUT-002")
        challenged(ask(bearer(f"{part({'alg': name, 'kid': 'r1'})}.{claims}.AAAA")), "AUT-002")


@pytest.mark.parametrize("algorithm,digest", [("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)])
def test_a_public_key_is_no_secret_for_an_hmac(ask, good, issuer, algorithm, digest):
    public = issuer.keys[0].private.public_key()
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(issuer.keys[0].public()).encode(),
        b"",
    ]
    for secret in secrets:
        text = f"{part({'alg': algorithm, 'kid': 'r1'})}.{good().split('.')[1]}"
        signature = hmac.new(secret, text.encode(), digest).digest()
        assert "alg" in challenged(ask(bearer(f"{text}.{part(signature)}")), "AUT-002")["detail"]


def test_the_algorithm_has_to_be_the_keys(ask, good, issuer):
    # Signed well with one key, naming another of a different type.
    challenged(ask(bearer(good(key=issuer.keys[1], headers={"kid": "r1"}))), "AUT-002")
    challenged(ask(bearer(good(key=issuer.keys[0], headers={"kid": "e1"}))), "AUT-002")
    challenged(ask(bearer(good(key=issuer.keys[1], headers={"kid": "e2"}))), "AUT-002")
    # PSS is not among the algorithms.
    challenged(ask(bearer(good(algorithm="PS256"))), "AUT-002")


def test_a_key_in_the_token_is_not_believed(ask, good):
    own = Key("r1")
    for header in ({"jwk": own.public()}, {"kid": "own", "jwk": own.public()}, {"jku": "http://127.0.0.1:1/keys"},
                   {"x5u": "http://127.0.0.1:1/chain"}):
        challenged(ask(bearer(good(key=own, headers=header))), "AUT-002")


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "r1\u0000", "R1", " r1", "x" * 3000, ""])
def test_a_strange_key_id_is_no_key(ask, good, kid):
    challenged(ask(bearer(good(headers={"kid": kid}))), "AUT-002")


def test_a_changed_token_is_refused(ask, good):
    header, claims, signature = good().split(".")
    other = part({**json.loads(base64.urlsafe_b64decode(claims + "==")), "email": "eve@example.com"})
    for token in (f"{header}.{other}.{signature}", f"{header}.{claims}.{signature[:-4]}AAAA", f"{header}.{claims}.",
                  f"{header}.{claims}", f"{header}.{claims}.{signature}.{signature}", f"{header}.{claims}.{signature}=",
                  f"{header}..{signature}", f"{claims}.{header}.{signature}", "a.b.c", ".."):
        challenged(ask(bearer(token)), "AUT-002")


def test_a_token_over_the_limit_is_refused(ask, good):
    challenged(ask(bearer(good(filler="x" * 9500))), "AUT-002")
    assert ask(bearer(good(filler="x" * 30000))).status_code == 431  # over all headers' limit


def test_extensions_are_refused(ask, good):
    assert "crit" in challenged(ask(bearer(good(headers={"crit": ["b64"], "b64": True}))), "AUT-002")["detail"]


# --- where it is asked for -----------------------------------------------------------------------


def test_some_paths_are_open(server):
    for url in (server.url + "/api/hyperfleet", server.url + BASE + "/openapi", server.url + BASE + "/openapi.html", server.url + "/healthz",
                server.about["health"] + "/healthz", server.about["health"] + "/readyz", server.about["metrics"] + "/metrics"):
        assert requests.get(url, timeout=TIMEOUT_S).status_code == 200


@pytest.mark.parametrize("method,path", [
    ("GET", "/clusters"), ("POST", "/clusters"), ("GET", "/clusters/x"), ("PATCH", "/clusters/x"), ("DELETE", "/clusters/x"),
    ("POST", "/clusters/x/force-delete"), ("GET", "/clusters/x/statuses"), ("PUT", "/clusters/x/statuses"),
    ("GET", "/clusters/x/history"), ("GET", "/clusters/watch"), ("POST", "/clusters/batch"), ("GET", "/clusters/x/nodepools"),
    ("POST", "/clusters/x/nodepools"), ("GET", "/resources"), ("GET", "/resources/x"), ("PUT", "/resources/x/statuses"),
])
def test_every_other_path_wants_a_token(server, method, path):
    # Before the body is looked at, so that nothing is told to strangers.
    challenged(requests.request(method, server.url + BASE + path, data="{", timeout=TIMEOUT_S), "AUT-001")


def test_an_unknown_path_is_told_without_a_token(server):
    refused(requests.get(server.url + BASE + "/nothing/here/at/all", timeout=TIMEOUT_S), 404, "NTF-000")


# --- whose name is recorded ----------------------------------------------------------------------


def test_the_caller_is_recorded(clm, good):
    def as_(name):
        return {"headers": bearer(good(email=name))}
    made = clm.post("/clusters", json=clm.body(), **as_("ann@example.com")).json()
    assert (made["created_by"], made["updated_by"]) == ("ann@example.com", "ann@example.com")
    changed = clm.patch(path_of(made), json={"labels": {"a": "b"}}, **as_("  bob@example.com ")).json()
    assert (changed["created_by"], changed["updated_by"]) == ("ann@example.com", "bob@example.com")
    deleted = clm.delete(path_of(made), **as_("cid@example.com")).json()
    assert (deleted["created_by"], deleted["deleted_by"]) == ("ann@example.com", "cid@example.com")


def test_the_identity_header_goes_before_the_claim(clm, good):
    headers = {**bearer(good()), "X-HyperFleet-Identity": "gateway@example.com"}
    assert clm.post("/channels", json=clm.body("Channel"), headers=headers).json()["created_by"] == "gateway@example.com"
    headers["X-HyperFleet-Identity"] = ""
    assert clm.post("/channels", json=clm.body("Channel"), headers=headers).json()["created_by"] == "ann@example.com"


@pytest.mark.parametrize("claims", [{"email": None}, {"email": ""}, {"email": 7}, {"email": "x" * 257}, {"email": "a\nb"}])
def test_a_write_needs_a_name_and_a_read_does_not(clm, ask, good, claims):
    token = bearer(good(**claims))
    challenged(clm.post("/channels", json=clm.body("Channel"), headers=token), "AUT-001")
    assert ask(token).status_code == 200
    assert clm.post("/channels/batch", json={"ids": ["x"]}, headers=token).status_code == 200


def test_a_name_has_to_match_the_pattern(clm, second):
    def with_(name):
        return {"Authorization": None, "X-Machine-Token": f"Bearer {second.token(sub=name)}"}
    body = challenged(clm.post("/channels", json=clm.body("Channel"), headers=with_("ann")), "AUT-001")
    assert "identity_claim_pattern" in body["detail"]
    made = clm.post("/channels", json=clm.body("Channel"), headers=with_("system:sentinel")).json()
    assert made["created_by"] == "system:sentinel"


def test_a_watch_ends_with_its_token(server, good):
    def watch(seconds, patience=TIMEOUT_S):
        headers = bearer(good(exp=int(time.time()) - 30 + seconds, iat=None))  # there is a leeway of 30 s
        return requests.get(server.url + BASE + "/clusters/watch", headers=headers, stream=True, timeout=patience)
    with watch(300, patience=3) as long, watch(4) as short:
        assert (long.status_code, short.status_code) == (200, 200)
        started = time.monotonic()
        assert b"heartbeat" in b"".join(short.iter_lines())  # to its end
        assert 1 < time.monotonic() - started < 9  # before the next heartbeat
        lines = long.iter_lines()
        with pytest.raises(requests.ConnectionError, match="timed out"):  # open, with nothing to say
            for _ in lines:
                pass


# --- keys change ---------------------------------------------------------------------------------


def test_keys_rotate_and_survive_the_loss_of_the_issuer(tmp_path, database):
    old, new = Key("old"), Key("new", "ES256")
    with Issuer(old) as issuer:
        settings = {"server": {"jwt": {"enabled": True, "configs": [issuer.settings()]}}}
        with servers.Server(tmp_path, database, settings=settings) as running:
            def status(key):
                url = running.url + BASE + "/channels"
                return requests.get(url, headers=bearer(issuer.token(key=key)), timeout=TIMEOUT_S).status_code
            assert status(old) == 200
            assert status(new) == 401
            issuer.keys = [old, new]
            time.sleep(INTERVAL_S)
            assert (status(new), status(old)) == (200, 200)
            asked = issuer.asked
            for _ in range(20):
                assert status(Key("unknown", "ES256")) == 401
            assert issuer.asked <= asked + 1
            issuer.keys = None
            time.sleep(INTERVAL_S)
            assert status(Key("unknown", "ES256")) == 503  # it may be a new one
            assert (status(new), status(old)) == (200, 200)
            issuer.keys = [new]
            time.sleep(INTERVAL_S)
            eventually(lambda: status(Key("unknown", "ES256")) == 401)
            assert (status(new), status(old)) == (200, 401)  # withdrawn


def test_an_issuer_that_is_away_at_the_start_is_waited_for(tmp_path):
    key = Key("k")
    with Issuer(key) as issuer:
        issuer.keys = None
        settings = {"server": {"jwt": {"enabled": True, "configs": [issuer.settings()]}}}
        with servers.Server(tmp_path, settings=settings) as running:
            headers = bearer(issuer.token(key=key))
            answer = requests.get(running.url + BASE + "/channels", headers=headers, timeout=TIMEOUT_S)
            refused(answer, 503, "SVC-001")
            assert answer.headers["Retry-After"]
            issuer.keys = [key]
            time.sleep(INTERVAL_S)
            eventually(lambda: requests.get(running.url + BASE + "/channels", headers=headers,
                                            timeout=TIMEOUT_S).status_code == 200)


def test_a_token_that_is_there_twice_is_nobodys(server, good):
    host, port = server.url.split("//")[1].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
    connection.putrequest("GET", BASE + "/channels")
    for _ in range(2):
        connection.putheader("Authorization", bearer(good())["Authorization"])
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 403 and b"more than once" in answer.read()
    connection.close()


def test_keys_from_a_file(tmp_path):
    key = Key("k", "ES384")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [key.public()]}))
    entry = {"issuer_url": "https://issuer.example", "jwk_cert_file": str(file)}
    issuer = Issuer(key)
    with servers.Server(tmp_path / "run", settings={"server": {"jwt": {"enabled": True, "configs": [entry]}}}) as running:
        headers = bearer(issuer.token(key=key, iss="https://issuer.example"))
        assert requests.get(running.url + BASE + "/channels", headers=headers, timeout=TIMEOUT_S).status_code == 200
