"""HTTPS, and what a client's certificate is good for: the headers of a gateway."""

import concurrent.futures
import http.server
import json
import shutil
import socket
import ssl
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import server as servers
from authority import DAY, NOW, Authority
from client import BASE, TIMEOUT_S, Clm, refused
from issuer import Issuer, Key, bearer

pytestmark = [pytest.mark.reeve, pytest.mark.own]

IDENTITY = "X-HyperFleet-Identity"
LOOK_S = 2  # between looks at the certificate's files


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def gateway(authority):
    return authority.issue("gateway", names=[x509.DNSName("gateway.example"), x509.UniformResourceIdentifier("spiffe://r/gateway")])


def settings_of(certificate, tls=None, **server):
    return {"server": {"tls": {"enabled": True, "cert_file": str(certificate.cert_file), "key_file": str(certificate.key_file),
                               **(tls or {})}, **server}}


@pytest.fixture(scope="module")
def plain(authority, tmp_path_factory, database):
    """HTTPS without certificates of clients."""
    folder = tmp_path_factory.mktemp("tls")
    with servers.Server(folder, database, settings=settings_of(authority.server())) as running:
        yield running


@pytest.fixture(scope="module")
def mutual(authority, tmp_path_factory, database):
    """Only gateways, whose headers say who calls and for which tenant."""
    settings = settings_of(
        authority.server("mutual"), {"client_ca_file": authority.file, "client_names": ["gateway.example", "old-gateway"]},
        identity_header=IDENTITY,
        tenant={"enabled": True, "system_header": "X-System", "dimensions": [{"header": "X-Org", "key": "org", "required": True}]})
    with servers.Server(tmp_path_factory.mktemp("mutual"), database, settings=settings) as running:
        yield running


def client_of(running, authority, certificate=None):
    client = Clm(running.url)
    client.session.trust_env = False  # REQUESTS_CA_BUNDLE would go before
    client.session.verify = authority.file
    client.session.cert = certificate.pair if certificate else None
    return client


def get(running, authority, path="/channels", certificate=None, **options):
    return requests.get(running.url + BASE + path, verify=authority.file, timeout=TIMEOUT_S,
                        cert=certificate.pair if certificate else None, **options)


def address(running):
    host, port = running.url.split("//")[1].split(":")
    return host, int(port)


def handshake(running, authority, **versions):
    """The server's certificate and the protocol."""
    context = ssl.create_default_context(cafile=authority.file)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    for name, value in versions.items():
        setattr(context, name, value)
    with socket.create_connection(address(running), timeout=TIMEOUT_S) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
            return x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True)), wrapped.version()


# --- the protocol --------------------------------------------------------------------------------


def test_the_api_is_served_over_tls(plain, authority):
    assert plain.url.startswith("https://")
    client = client_of(plain, authority)
    made = client.create()
    assert client.read(made) == made  # on one connection
    body = {"labels": {f"k{i}": "v" * 60 for i in range(500)}}
    client.patch(f"/clusters/{made['id']}", json=body)
    assert len(client.read(made)["labels"]) == 500
    refused(client.post("/clusters", data=b"x" * (2 << 20)), 413, "VAL-005")
    client.clean()


def test_a_body_that_turns_out_too_long_is_told(plain, authority):
    context = ssl.create_default_context(cafile=authority.file)
    with socket.create_connection(address(plain), timeout=TIMEOUT_S) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped:
            wrapped.sendall(f"POST {BASE}/clusters HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            answer = b""
            try:
                for _ in range(40):
                    wrapped.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            except OSError:
                pass
            try:
                while piece := wrapped.recv(4096):
                    answer += piece
            except OSError:
                pass
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_health_and_metrics_stay_plain(plain):
    assert requests.get(plain.about["health"] + "/readyz", timeout=TIMEOUT_S).status_code == 200
    assert requests.get(plain.about["metrics"] + "/metrics", timeout=TIMEOUT_S).status_code == 200


def test_http_is_not_spoken_there(plain):
    with pytest.raises(requests.RequestException):
        requests.get(plain.url.replace("https", "http") + BASE + "/channels", timeout=TIMEOUT_S)


def test_old_protocols_are_refused(plain, authority):
    assert handshake(plain, authority)[1] == "TLSv1.3"
    assert handshake(plain, authority, maximum_version=ssl.TLSVersion.TLSv1_2)[1] == "TLSv1.2"
    with pytest.warns(DeprecationWarning), pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(plain, authority, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_only_the_newest_when_that_is_wanted(authority, tmp_path):
    settings = settings_of(authority.server("new"), {"min_version": "1.3"})
    with servers.Server(tmp_path, settings=settings) as running:
        assert handshake(running, authority)[1] == "TLSv1.3"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(running, authority, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_a_client_that_never_speaks_holds_up_nobody(plain, authority):
    silent = [socket.create_connection(address(plain)) for _ in range(40)]
    for each in silent[:20]:
        each.sendall(b"\x16\x03\x01")  # the beginning of a handshake
    started = time.monotonic()
    assert get(plain, authority).status_code == 200
    assert time.monotonic() - started < 10
    for each in silent:
        each.close()


def test_garbage_in_place_of_a_handshake_is_survived(plain, authority):
    for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, b"\x16\x03\x01\xff\xff" + b"A" * 5000, b"\x80\x2e\x01\x03\x01"):
        with socket.create_connection(address(plain), timeout=TIMEOUT_S) as raw:
            raw.sendall(bytes_)
            raw.settimeout(2)
            try:
                while raw.recv(4096):
                    pass
            except (TimeoutError, ConnectionError):
                pass
    assert get(plain, authority).status_code == 200


def test_many_clients_at_once(plain, authority):
    def work(_):
        client = client_of(plain, authority)
        made = [client.create("/channels") for _ in range(5)]
        ids = [client.read(each)["id"] for each in made]
        client.clean()
        client.session.close()
        return len(set(ids))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == [5] * 16


def test_a_watch_streams_over_tls(plain, authority):
    client, watcher = client_of(plain, authority), client_of(plain, authority)
    with watcher.get("/channels/watch", params={"after": 0, "include": "resource"}, stream=True) as response:
        made = client.create("/channels")
        for line in response.iter_lines():
            row = json.loads(line)
            if row.get("id") == made["id"]:
                assert row["resource"]["name"] == made["name"]
                break
    client.clean()


def test_a_stop_ends_what_is_open(authority, tmp_path):
    """A watch, an idle connection and a handshake that never ends."""
    with servers.Server(tmp_path, settings=settings_of(authority.server("stopped"))) as running:
        idle = client_of(running, authority)
        assert idle.get("/channels").status_code == 200
        with socket.create_connection(address(running), timeout=TIMEOUT_S) as silent, \
                idle.get("/clusters/watch", stream=True) as watching:
            silent.sendall(b"\x16\x03\x01")
            started = time.monotonic()
            assert running.stop() == 0
            assert time.monotonic() - started < 15
            for _ in watching.iter_lines():  # to the stream's proper end
                pass


# --- the certificate -----------------------------------------------------------------------------


def test_a_renewed_certificate_is_shown_without_a_restart(authority, tmp_path):
    old, new = authority.server("renewed"), authority.server("newer")
    with servers.Server(tmp_path, settings=settings_of(old)) as running:
        held = client_of(running, authority)
        assert held.get("/channels").status_code == 200
        assert handshake(running, authority)[0] == old.certificate
        # A file in the middle of being written, and a key of another certificate, change nothing.
        old.cert_file.write_text("-----BEGIN CERTIFICATE-----\nhalf")
        time.sleep(LOOK_S + 1)
        assert handshake(running, authority)[0] == old.certificate
        shutil.copy(new.cert_file, old.cert_file)
        time.sleep(LOOK_S + 1)
        assert handshake(running, authority)[0] == old.certificate
        assert 2 <= running.said().count("the new certificate cannot be used") <= 4  # once for each change
        new.copy_to(old)
        until = time.monotonic() + 20
        while handshake(running, authority)[0] != new.certificate:
            assert time.monotonic() < until
            time.sleep(0.2)
        assert held.get("/channels").status_code == 200
        assert get(running, authority).status_code == 200


@pytest.mark.parametrize("change,sentence", [
    (lambda tls, other: tls.update(cert_file="/nowhere/x.crt"), "/nowhere/x.crt"),
    (lambda tls, other: tls.update(key_file=str(other.key_file)), "cannot be used"),
    (lambda tls, other: tls.update(cert_file=str(other.key_file)), "cannot be used"),
    (lambda tls, other: tls.update(client_ca_file=str(other.key_file)), "holds no certificate"),
    (lambda tls, other: tls.update(client_ca_file="/nowhere/ca.crt"), "/nowhere/ca.crt"),
    (lambda tls, other: tls.pop("key_file"), "server.tls.key_file"),
])
def test_files_that_cannot_be_used_are_told_at_the_start(authority, tmp_path, change, sentence):
    settings = settings_of(authority.server("good"))
    change(settings["server"]["tls"], authority.server("other"))
    with pytest.raises(AssertionError) as caught:
        servers.Server(tmp_path, settings=settings).start()
    assert sentence in str(caught.value)


# --- clients' certificates -----------------------------------------------------------------------


def test_a_gateway_says_who_calls(mutual, authority, gateway):
    client = client_of(mutual, authority, gateway)
    client.session.headers.update({IDENTITY: "ann@example.com", "X-Org": "a"})
    made = client.create("/channels")
    assert (made["created_by"], made["tenancy"]) == ("ann@example.com", {"org": "a"})
    client.session.headers.update({IDENTITY: "bob@example.com"})
    assert client.patch(f"/channels/{made['id']}", json={"labels": {"a": "b"}}).json()["updated_by"] == "bob@example.com"
    client.session.headers.update({"X-Org": "b"})
    assert client.get(f"/channels/{made['id']}").status_code == 404
    client.session.headers.update({"X-Org": "a"})
    client.clean()


def test_a_name_that_cannot_be_one_is_refused(mutual, authority, gateway):
    refused(get(mutual, authority, certificate=gateway, headers={IDENTITY: "x" * 257, "X-Org": "a"}), 400, "VAL-000")


def test_a_certificate_of_the_region_needs_no_tenant(authority, tmp_path, gateway):
    operator = authority.issue("operator", names=[x509.DNSName("ops.example")])
    settings = settings_of(
        authority.server("region"), {"client_ca_file": authority.file, "client_names": ["gateway.example"]}, identity_header=IDENTITY,
        tenant={"enabled": True, "dimensions": [{"header": "X-Org", "key": "org", "required": True}],
                "region_callers": [{"certificate": "ops.example"}]})
    with servers.Server(tmp_path, settings=settings) as running:
        client = client_of(running, authority, operator)
        made = client.create("/channels")
        assert (made["created_by"], made.get("tenancy", {})) == ("ops.example", {})
        refused(get(running, authority, certificate=gateway, headers={IDENTITY: "ops.example"}), 403, "AUZ-001")
        refused(get(running, authority, f"/channels/{made['id']}", certificate=gateway, headers={"X-Org": "a"}), 404, "NTF-001")
        refused(get(running, authority), 401, "AUT-001")
        client.clean()


def test_a_gateway_without_a_tenant_is_refused(mutual, authority, gateway):
    refused(get(mutual, authority, certificate=gateway, headers={IDENTITY: "ann"}), 403, "AUZ-001")


HEADERS = {IDENTITY: "eve", "X-Org": "a", "X-System": "true"}


def test_nobody_else_is_believed(mutual, authority, tmp_path, gateway):
    stranger = Authority(tmp_path / "same-name")  # of the same subject, with another key
    long_ago = {"before": NOW - 3 * DAY, "after": NOW - 2 * DAY}
    future = {"before": NOW + DAY, "after": NOW + 2 * DAY}
    name = [x509.DNSName("gateway.example")]
    others = [
        None,
        stranger.issue("gateway", names=name),
        authority.issue("stale", names=name, **long_ago),
        authority.issue("early", names=name, **future),
        authority.issue("as-server", names=name, purpose=ExtendedKeyUsageOID.SERVER_AUTH),
        authority.issue("another", names=[x509.DNSName("another.example")]),
        authority.issue("wildcard", names=[x509.DNSName("*.example")]),
        authority.issue("longer", names=[x509.DNSName("gateway.example.evil")]),
        authority.issue("in-cn", common_name="gateway.example", names=[x509.DNSName("evil")]),  # SANs count, then
        authority.server("a-server"),
    ]
    for certificate in others:
        body = refused(get(mutual, authority, certificate=certificate, headers=HEADERS), 401, "AUT-001")
        assert "client certificate" in body["detail"]
    assert get(mutual, authority, certificate=gateway, headers=HEADERS).status_code == 200


def test_a_certificate_without_alternatives_is_known_by_its_common_name(mutual, authority):
    old = authority.issue("old", common_name="old-gateway")
    assert get(mutual, authority, certificate=old, headers=HEADERS).status_code == 200


def test_an_expired_name_does_not_stick_to_a_connection_of_others(mutual, authority, gateway):
    """What one connection has proven is no other's."""
    good, bad = client_of(mutual, authority, gateway), client_of(mutual, authority)
    for _ in range(20):
        assert good.get("/channels", headers=HEADERS).status_code == 200
        assert bad.get("/channels", headers=HEADERS).status_code == 401


def test_open_paths_need_no_certificate(mutual, authority):
    assert get(mutual, authority, "/openapi").status_code == 200


# --- tokens beside certificates ------------------------------------------------------------------


def test_a_token_or_a_gateway(authority, gateway, tmp_path, database):
    with Issuer(Key("k")) as issuer:
        settings = settings_of(
            authority.server("both"), {"client_ca_file": authority.file}, identity_header=IDENTITY,
            jwt={"enabled": True, "configs": [issuer.settings(identity_header=IDENTITY)]},
            tenant={"enabled": True, "dimensions": [{"header": "X-Org", "key": "org", "required": True}]})
        with servers.Server(tmp_path, database, settings=settings) as running:
            token, eve = bearer(issuer.token()), {IDENTITY: "eve@example.com", "X-Org": "a"}

            def create(certificate=None, **headers):
                client = client_of(running, authority, certificate)
                client.session.headers.update(headers)
                return client.post("/channels", json=client.body("Channel"))
            # A gateway names the caller, or hands the caller's token on; a bad one is not made good.
            assert create(gateway, **eve).json()["created_by"] == "eve@example.com"
            assert create(gateway, **token, **{"X-Org": "a"}).json()["created_by"] == "ann@example.com"
            assert create(gateway, **token, **eve).json()["created_by"] == "eve@example.com"
            refused(create(gateway, Authorization="Bearer nonsense", **eve), 401, "AUT-002")
            refused(create(gateway, **{"X-Org": "a"}), 401, "AUT-001")
            assert get(running, authority, certificate=gateway, headers={"X-Org": "a"}).status_code == 200
            # Others are who their token says, and no token chooses a tenant.
            refused(create(**eve), 401, "AUT-001")
            refused(create(**token, **eve), 403, "AUZ-001")
            refused(create(**token, **{"X-Org": "a"}), 403, "AUZ-001")
            refused(create(**token), 403, "AUZ-001")


def test_a_token_is_enough_where_there_are_no_tenants(authority, gateway, tmp_path):
    with Issuer(Key("k")) as issuer:
        settings = settings_of(
            authority.server("tokens"), {"client_ca_file": authority.file},
            jwt={"enabled": True, "configs": [issuer.settings(identity_header=IDENTITY)]})
        with servers.Server(tmp_path, settings=settings) as running:
            for certificate, name in ((None, "ann@example.com"), (gateway, "eve@example.com")):
                client = client_of(running, authority, certificate)
                client.session.headers.update({**bearer(issuer.token()), IDENTITY: "eve@example.com"})
                # The header counts only from a gateway.
                assert client.post("/channels", json=client.body("Channel")).json()["created_by"] == name


def test_an_issuer_over_https_is_verified_by_its_ca(authority, tmp_path):
    """jwk_cert_ca_file: keys from a server that another CA vouches for are not read."""
    key = Key("k")
    keys = json.dumps({"keys": [key.public()]}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, *_):
            pass

    certificate = authority.server("issuer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate.pair)
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{listener.server_address[1]}"
    try:
        for number, (ca, status) in enumerate(((authority, 200), (Authority(tmp_path / "other"), 503))):
            entry = {"issuer_url": url, "jwk_cert_url": url + "/keys", "jwk_cert_ca_file": ca.file}
            settings = {"server": {"jwt": {"enabled": True, "configs": [entry]}}}
            with servers.Server(tmp_path / str(number), settings=settings) as running:
                headers = bearer(Issuer(key).token(iss=url))
                assert requests.get(running.url + BASE + "/channels", headers=headers, timeout=TIMEOUT_S).status_code == status
    finally:
        listener.shutdown()
        listener.server_close()

