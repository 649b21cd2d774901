"""What clients send by mistake or on purpose: no 5xx, nothing changed, nothing seen that is not theirs."""

import concurrent.futures
import json
import socket
import time
import urllib.parse

import pytest

from client import BASE, Clm, path_of, refused, unique
from server import Server

INJECTIONS = [
    "'", "''", '"', "`", "\\", "';--", "' OR '1'='1", "' OR 1=1 --", "x' UNION SELECT NULL--", "x'; DROP TABLE resources; --",
    "1; DELETE FROM resources", "1) OR (1=1", "') OR ('1'='1", "x' AND (SELECT COUNT(*) FROM resources) > 0 --",
    "' || (SELECT id FROM resources LIMIT 1) || '", "$1", "$999", "?1", ":name", "@x", "%s", "%27%20OR%201=1", "/* */", "-- ",
    "x'/**/OR/**/'a'='a", "CASE WHEN 1=1 THEN name ELSE id END", "(SELECT 1)", "pg_sleep(5)", "1;SELECT pg_sleep(5)--",
    "randomblob(1000000000)", "sqlite_version()", "name COLLATE NOCASE", "rowid", "ctid", "resources.id", "x\0y", "\uffff", "ʼ OR 1=1",
]


@pytest.fixture
def witness(clm):
    """A channel that must be neither changed nor shown to whom does not ask for it."""
    made = clm.create("/channels", labels={"secret": unique()})
    total = clm.get("/channels").json()["total"]
    before = len(clm.created)
    yield made
    assert clm.read(made) == made
    assert clm.get("/channels").json()["total"] == total + len(clm.created) - before


def harmless(response, witness=None):
    assert response.status_code in (200, 400, 404, 405, 414), response.text
    if witness and response.status_code == 200:
        assert witness["id"] not in response.text


# --- SQL in places where text goes -------------------------------------------------------------

@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("shape", ["{}", "name = '{}'", "name = {}", "labels.{} = 'x'", "labels.k = '{}'", "{} = 'x'",
                                   "spec.{} = 'x'", "spec.a = '{}'", "name in ['{}']", "name like '{}'", "generation = {}",
                                   "status.conditions.{} = 'True'", "created_time > '{}'", 'labels["{}"] = \'x\''])
def test_sql_in_searches(clm, witness, shape, text):
    if shape == "{}" and text == "-- ":
        text = "--"
    started = time.monotonic()
    harmless(clm.get("/channels", params={"search": shape.replace("{}", text)}), witness)
    assert time.monotonic() - started < 4, "the database was made to work or to sleep"


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_other_parameters(clm, witness, text):
    for name in ("order", "page", "size", "kind", "ref_type", "after", "include"):
        response = clm.get("/channels", params={name: text, "search": "name = 'nobody'"})
        harmless(response, witness)
        if name == "order":
            assert response.status_code == 400
    assert clm.get(path_of(witness), params={"fields": text}).status_code == 400


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_paths(clm, witness, text):
    quoted = urllib.parse.quote(text, safe="")
    for method, path in (("GET", "/channels/{}"), ("DELETE", "/channels/{}"), ("GET", "/channels/{}/statuses"),
                         ("GET", "/clusters/{}/nodepools"), ("GET", "/{}"), ("GET", "/resources/{}")):
        response = clm.request(method, path.replace("{}", quoted))
        assert response.status_code in (400, 404), (method, path, response.text)
    for method, path, body in (("PATCH", "/channels/{}", {"spec": {}}), ("POST", "/channels/{}/force-delete", {"reason": "x"})):
        assert clm.request(method, path.replace("{}", quoted), json=body).status_code in (400, 404)


@pytest.mark.parametrize("text", [each for each in INJECTIONS if "\0" not in each])
def test_sql_in_documents_is_only_text(clm, witness, text):
    made = clm.create("/channels", spec={"a": text, text: {"b": text}})
    assert made["spec"] == {"a": text, text: {"b": text}}
    assert clm.read(made) == made
    for body in (clm.body("Channel", name=text), clm.body("Channel", labels={text: "x"})):
        response = clm.post("/channels", json=body)
        assert response.status_code in (201, 400)  # some are names
        if response.status_code == 201:
            assert clm.read(response.json()) == response.json()
    report = {"adapter": text[:60], "observed_generation": 1, "data": {text: text},
              "conditions": [{"type": kind, "status": "True", "reason": text, "message": text}
                             for kind in ("Available", "Applied", "Health")]}
    answer = clm.put(path_of(made) + "/statuses", json=report)
    assert answer.status_code == 201 and answer.json()["data"] == {text: text}


@pytest.mark.reeve
@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_batches_and_preconditions(clm, witness, text):
    assert clm.post("/channels/batch", json={"ids": [text]}).json() == {"items": [], "missing": [text]} or "\0" in text
    quoted = text.encode("ascii", "replace").decode().replace("\0", "0").strip()
    assert clm.patch(path_of(witness), json={"spec": {"x": 1}}, headers={"If-Match": quoted}).status_code == 412


# --- JSON --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name,data", [
    ("deep lists", b'{"kind":"Channel","name":"x","spec":{"a":' + b"[" * 100000 + b"]" * 100000 + b"}}"),
    ("deep objects", b'{"kind":"Channel","name":"x","spec":' + b'{"a":' * 50000 + b"1" + b"}" * 50000 + b"}"),
    ("unclosed", b"[" * 500000),
    ("bad UTF-8", b'{"kind":"Channel","name":"x","spec":{"a":"\xff\xfe"}}'),
    ("overlong UTF-8", b'{"kind":"Channel","name":"x","spec":{"a":"\xc0\xaf"}}'),
    ("surrogate in UTF-8", b'{"kind":"Channel","name":"x","spec":{"a":"\xed\xa0\x80"}}'),
    ("bad UTF-8 in a key", b'{"kind":"Channel","name":"x","spec":{"\xff":1}}'),
    ("control character", b'{"kind":"Channel","name":"x","spec":{"a":"\x01"}}'),
    ("line break in a string", b'{"kind":"Channel","name":"x","spec":{"a":"\n"}}'),
    ("zero byte", b'{"kind":"Channel","name":"x","spec":{}}\0'),
    ("byte order mark", b'\xef\xbb\xbf{"kind":"Channel","name":"x","spec":{}}'),
    ("UTF-16", '{"kind":"Channel","name":"x","spec":{}}'.encode("utf-16")),
    ("NaN", b'{"kind":"Channel","name":"x","spec":{"a":NaN}}'),
    ("infinity", b'{"kind":"Channel","name":"x","spec":{"a":-Infinity}}'),
    ("hexadecimal", b'{"kind":"Channel","name":"x","spec":{"a":0x10}}'),
    ("leading zero", b'{"kind":"Channel","name":"x","spec":{"a":01}}'),
    ("single quotes", b"{'kind':'Channel'}"),
    ("comment", b'{"kind":"Channel",/* */"name":"x","spec":{}}'),
    ("a list", b'[{"kind":"Channel","name":"x","spec":{}}]'),
    ("a string", b'"Channel"'),
    ("null", b"null"),
    ("form", b"kind=Channel&name=x"),
    ("half an escape", b'{"kind":"Channel","name":"x","spec":{"a":"\\u12"}}'),
], ids=lambda value: value if isinstance(value, str) else "")
def test_documents_that_are_refused(clm, witness, name, data):
    response = clm.post("/channels", data=data)
    # A body that decodes to null is an empty request in Go: `kind is required`.
    refused(response, 400, "VAL-000" if response.json()["code"].endswith("VAL-000") else "VAL-006")


# Python itself reads integers of up to 4300 digits.
@pytest.mark.parametrize("text", ["1e400", "-1e400", "9" * 400, "1" + "0" * 4000, "1e999999999999", "0." + "0" * 400 + "1",
                                  "123456789012345678901234567890", "-0", "1E+2", "5e-324"], ids=lambda text: text[:20])
def test_huge_numbers_are_kept_or_refused(clm, text):
    response = clm.post("/channels", data=f'{{"kind":"Channel","name":"{unique()}","spec":{{"a":{text}}}}}')
    if response.status_code == 201:
        sent, got = json.loads(text), response.json()["spec"]["a"]
        assert got == sent or float(got) == float(sent)
        assert clm.read(response.json())["spec"] == response.json()["spec"]
    else:
        refused(response, 400, "VAL-006")


@pytest.mark.parametrize("member,value", [
    ("observed_generation", "1e400"), ("observed_generation", "9" * 30), ("observed_generation", "1.5"),
    ("observed_generation", "-9223372036854775809"), ("observed_generation", '"1"'), ("observed_generation", "true"),
    ("observed_time", '"9999-99-99T99:99:99Z"'), ("observed_time", '"now"'), ("observed_time", "1"),
    ("observed_time", '"+292278994-08-17T07:12:55Z"'), ("adapter", "1"), ("adapter", '"' + "a" * 5000 + '"'),
    ("conditions", "{}"), ("conditions", "[1]"), ("conditions", "[[]]"), ("data", "[]"), ("data", "1"), ("metadata", "[]"),
    ("conditions", "[" + ",".join('{"type":"T%d","status":"True"}' % n for n in range(1000)) + "]"),
], ids=lambda text: text[:20])
def test_reports_that_are_refused(clm, member, value):
    made = clm.create("/channels")
    body = json.dumps({"adapter": "a", "observed_generation": 1, "conditions": [
        {"type": kind, "status": "True"} for kind in ("Available", "Applied", "Health")]})
    answer = clm.put(path_of(made) + "/statuses", data=body[:-1] + f', "{member}": {value}}}')
    assert answer.status_code == 400, answer.text
    assert clm.items(path_of(made) + "/statuses") == [] and clm.read(made) == made


def test_the_zero_character_in_a_text(clm):
    """JSON can say it, databases cannot keep it: kept or refused in words, never cut."""
    response = clm.post("/channels", data=f'{{"kind":"Channel","name":"{unique()}","spec":{{"a":"x\\u0000y"}}}}')
    if response.status_code == 201:
        assert clm.read(response.json())["spec"] == {"a": "x\0y"}
    else:
        assert response.status_code == 400


def test_a_lone_surrogate(clm):
    response = clm.post("/channels", data=f'{{"kind":"Channel","name":"{unique()}","spec":{{"a":"x\\ud800y"}}}}')
    assert response.status_code in (201, 400), response.text
    if response.status_code == 201:
        assert clm.read(response.json())["spec"] == {"a": "x\ufffdy"}


# --- sizes -------------------------------------------------------------------------------------

@pytest.mark.reeve
def test_a_body_over_the_limit(clm, witness):
    response = clm.post("/channels", json=clm.body("Channel", spec={"a": "x" * (2 << 20)}))
    assert response.status_code == 413
    assert response.headers["Content-Type"].split(";")[0] == "application/problem+json"


@pytest.mark.reeve
def test_a_body_over_the_limit_that_does_not_say_so(clm, witness):
    def pieces():
        for _ in range(64):
            yield b"x" * (64 << 10)

    try:
        response = clm.post("/channels", data=pieces())
    except OSError:  # the connection is closed on those who do not read
        return
    assert response.status_code == 413


def test_a_body_below_the_limit_is_kept_whole(clm):
    spec = {"a": "x" * (900 << 10)}
    made = clm.create("/channels", spec=spec)
    assert clm.read(made)["spec"] == spec


@pytest.mark.parametrize("path,status", [("/clusters?search=" + "x" * 9000, {400, 414, 431}), ("/" + "x" * 9000, {404, 414}),
                                         ("/clusters?" + "&".join("a=1" for _ in range(200)), {200, 400}),
                                         ("/" + "a/" * 2000, {404, 414})], ids=lambda value: str(value)[:20])
def test_long_targets(clm, path, status):
    assert clm.get(path).status_code in status


def test_long_headers(clm):
    assert clm.get("/clusters", headers={"X-Long": "x" * 20000}).status_code in (200, 400, 431)


@pytest.mark.parametrize("path", ["/%00", "/clusters/%00", "/clusters/%ff", "/clusters/%zz", "/clusters/%", "/clusters/..%2f..",
                                  "/clusters/%2e%2e", "//clusters", "/clusters//x", "/clusters?page=%zz", "/clusters?search=%ff",
                                  "/clusters?search=%00", "/clusters?fields=%00", "/clusters?order=%0a", "/clusters?=", "/clusters?&&",
                                  "/clusters?fields=", "/clusters?order=", "/clusters?search="])
def test_odd_targets(base_url, path):
    answer = exchange(base_url, f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split()[1] in (b"200", b"400", b"404"), answer


# --- the wire ----------------------------------------------------------------------------------

def connect(base_url):
    host, port = base_url.removeprefix("http://").split("/")[0].split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def exchange(base_url, data):
    with connect(base_url) as connection:
        connection.sendall(data)
        return read_all(connection)


POST = f"POST {BASE}/channels HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n".encode()


@pytest.mark.parametrize("data", [
    b"\r\n\r\n\r\n", pytest.param(b"\0" * 100, marks=pytest.mark.once), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    POST + b"Content-Length: -1\r\n\r\n", POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}", POST + b"Content-Length: 0x10\r\n\r\n{}",
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    POST + b"Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}", POST + b": no name\r\nContent-Length: 2\r\n\r\n{}",
], ids=range(16))
def test_what_is_no_http(base_url, clm, witness, data):
    with connect(base_url) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert not answer or answer.split()[1][:1] == b"4" or answer.split()[1] in (b"100", b"501", b"505"), answer
    assert clm.get("/clusters").status_code == 200


# What fits into the limits on bytes, and still is more than a parser with a fixed memory can take apart.
CROWDED = {
    "parameters": (f"{BASE}/clusters?" + "&".join(["a=1"] * 2000), b""),
    "empty parameters": (f"{BASE}/clusters?" + "&" * 8000, b""),
    "cookies": (f"{BASE}/clusters", b"Cookie: " + b"; ".join([b"a=1"] * 1500) + b"\r\n"),
    "one cookie": (f"{BASE}/clusters", b"Cookie: " + b"a" * 8000 + b"\r\n"),
    "headers": (f"{BASE}/clusters", b"a:b\r\n" * 1500),
    "long header": (f"{BASE}/clusters", b"a:" + b"b" * 12000 + b"\r\n"),
}


@pytest.mark.once
@pytest.mark.own
@pytest.mark.parametrize("what", CROWDED)
def test_a_crowded_head_is_answered(tmp_path, what):
    target, headers = CROWDED[what]
    with Server(tmp_path) as server:
        for _ in range(3):
            with connect(server.url) as connection:
                connection.settimeout(5)
                connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + headers + b"\r\n")
                answer = read_all(connection)
                # Cookies are taken apart by the HTTP library, which closes without a word when they are too many.
                assert what == "cookies" and not answer or answer.split()[1] in (b"200", b"400", b"414", b"431")
        started = time.monotonic()
        assert server.stop() == 0, server.said()
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("head", [
    pytest.param(b"Content-Length: 2\r\nContent-Length: 40\r\n", id="two lengths"),
    pytest.param(b"Content-Length: 2\r\nContent-Length: 2\r\n", id="one length twice"),
    pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 40\r\n", id="length and chunks"),
    pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", id="two encodings"),
    pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", id="an encoding that is not known"),
    pytest.param(b"Content-Length : 2\r\n", id="a space before the colon"),
    pytest.param(b"Content-Length\t: 2\r\n", id="a tab before the colon"),
    pytest.param(b"Content-Length:\r\n 2\r\n", id="a folded length"),
    pytest.param(b"Content-Length: 2\r\nTransfer-Encoding : chunked\r\n", id="a space before an encoding's colon"),
    pytest.param(b"Content-Length: 2\r\nTransfer-Encoding:\r\n\tchunked\r\n", id="a folded encoding"),
    pytest.param(b"X: a\rContent-Length: 2\r\n", id="a bare carriage return"),
    pytest.param(b"X: a\r\n Content-Length: 2\r\n", id="a folded line"),
    pytest.param(b"Host: y\r\n", id="two hosts"),
])
@pytest.mark.reeve
def test_a_second_request_cannot_be_smuggled(base_url, head):
    """A gateway in front may read the other length: who sends both is refused, or at least cut off."""
    body = b"0\r\n\r\n" if b"chunked" in head else b"{}"
    with connect(base_url) as connection:
        connection.settimeout(5)
        connection.sendall(POST.replace(b"Connection: close\r\n", b"") + head + b"\r\n" + body +
                           f"GET {BASE}/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            pass
    assert answer.startswith(b"HTTP/1.1 400") and b"/nothing" not in answer, answer


def drip(base_url, data, rest=b"", interval=0.5, most_s=50):
    """Sends the rest byte by byte; gives the seconds until the server ended it, and what it said."""
    started = time.monotonic()
    with connect(base_url) as connection:
        connection.sendall(data)
        connection.settimeout(interval)
        answer = b""
        while time.monotonic() - started < most_s:
            try:
                connection.sendall(rest[:1])
                rest = rest[1:] + rest[:1]
                piece = connection.recv(65536)
                if not piece:
                    return time.monotonic() - started, answer
                answer += piece
            except TimeoutError:
                continue
            except OSError:
                return time.monotonic() - started, answer
    return None, answer


@pytest.mark.once
@pytest.mark.reeve
def test_slow_senders_are_cut(base_url, clm):
    """Byte by byte in the request line, in the headers, in the body; silent in each: others do not notice."""
    head = POST + b"Content-Length: 1000\r\n"
    senders = [
        (b"G", b"E"), (head, b"X-Slow: 1"), (head + b"\r\n{", b" "),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
        (b"GET", b""), (head, b""), (head + b"\r\n{", b""),
    ]
    with concurrent.futures.ThreadPoolExecutor(len(senders) * 4) as pool:
        waiting = [pool.submit(drip, base_url, data, rest) for data, rest in senders for _ in range(4)]
        time.sleep(2)
        for _ in range(5):
            started = time.monotonic()
            assert clm.get("/clusters").status_code == 200
            assert time.monotonic() - started < 2
        for each in waiting:
            seconds, answer = each.result()
            assert seconds is not None, "still connected after 50 s"
            assert not answer or b" 408 " in answer.split(b"\r\n")[0] or b" 400 " in answer.split(b"\r\n")[0], answer


@pytest.mark.once
@pytest.mark.reeve
def test_slow_readers_do_not_hold_up_others(base_url, clm):
    clm.create("/channels", spec={"a": "x" * (500 << 10)})
    lazy = []
    try:
        for _ in range(50):
            connection = connect(base_url)
            connection.sendall(f"GET {BASE}/channels?size=100 HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 10)
            lazy.append(connection)
        for _ in range(5):
            started = time.monotonic()
            assert clm.get("/clusters").status_code == 200
            assert time.monotonic() - started < 10
    finally:
        for connection in lazy:
            connection.close()


def test_thousands_of_bad_requests_leave_it_well(base_url):
    def hammer(seed):
        client = Clm(base_url)
        codes = set()
        for n in range(40):
            codes.add(client.post("/clusters", data=b'{"kind":' + b"[" * (n * seed % 50)).status_code)
            codes.add(client.get("/clusters", params={"search": "(" * (n + seed)}).status_code)
            codes.add(client.get("/clusters", params={"order": "x" * n + ";"}).status_code)
        client.session.close()
        return codes

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set().union(*pool.map(hammer, range(1, 17))) == {400}
