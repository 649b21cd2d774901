"""An issuer of tokens: signs with keys of its own and publishes them as a JWK set over HTTP. PyJWT is the oracle."""

import http.server
import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}


class Key:
    """A pair of keys; `algorithm` signs unless a token says otherwise."""

    def __init__(self, kid, algorithm="RS256"):
        self.kid = kid
        self.algorithm = algorithm
        if algorithm.startswith("RS"):
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private = ec.generate_private_key(CURVES[algorithm]())

    def public(self, **members):
        maker = RSAAlgorithm if self.algorithm.startswith("RS") else ECAlgorithm
        document = json.loads(maker.to_jwk(self.private.public_key()))
        document.pop("key_ops", None)
        return {**document, "kid": self.kid, "use": "sig", **members}


class Issuer:
    """A context manager. `keys` are published; None answers 500."""

    def __init__(self, *keys, path=""):
        self.keys = list(keys)
        self.path = path
        self.asked = 0

    def __enter__(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                if issuer.keys is None:
                    self.send_error(500)
                    return
                body = json.dumps({"keys": [key.public() for key in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}{self.path}"

    def settings(self, **members):
        """An entry of server.jwt.configs."""
        return {"issuer_url": self.url, "jwk_cert_url": self.url + "/keys", **members}

    def token(self, key=None, headers=None, algorithm=None, **claims):
        """A good token of the first key; members replace or add, None takes out."""
        key = key or self.keys[0]
        now = int(time.time())
        if "iss" not in claims:
            claims["iss"] = self.url
        claims = {"iat": now, "exp": now + 600, "email": "ann@example.com", **claims}
        headers = {"kid": key.kid, **(headers or {})}
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, key.private,
                          algorithm=algorithm or key.algorithm,
                          headers={name: value for name, value in headers.items() if value is not None})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
