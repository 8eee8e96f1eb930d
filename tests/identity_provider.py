"""An identity provider in a process of its own: signs tokens, turns its keys, and logs people in by OpenID Connect.

It does what a real one does and nothing more, but for what lies under ``/test``: there a test says what is to be signed
and who has logged in to it. Run as ``python -m tests.identity_provider``; it prints its address.
"""

import base64
import hmac
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT, SECRET = "mneme", "client secret of the test"


class Provider:
    """What a test says to the provider.

    :param address: where it listens, which is also its issuer.
    """

    def __init__(self, address: str, client: httpx.Client) -> None:
        self.address = address
        self._client = client

    def signed(self, header: dict[str, Any] | None = None, by: str = "", **claims: Any) -> str:
        """A token; claims that are None are left out.

        :param by: ``retired`` for the key before the last turn, ``stranger`` for one that is not in the key set,
            ``public`` for an HMAC with the public key as its secret, ``none`` for no signature.
        """
        body = {"header": header or {}, "claims": claims, "by": by}
        return self._client.post("/test/sign", json=body).raise_for_status().text

    def turn(self) -> None:
        """Take a new key, and publish the old one no more."""
        self._client.post("/test/turn").raise_for_status()

    def log_in(self, **claims: Any) -> None:
        """Have somebody be logged in at the provider, whoever comes by next."""
        self._client.post("/test/login", json=claims).raise_for_status()

    def told(self) -> dict[str, Any]:
        """How often its keys were fetched, and its description."""
        answer: dict[str, Any] = self._client.get("/test/told").json()
        return answer

    def set(self, **what: Any) -> None:
        """Have it answer otherwise: ``keys`` (a status instead of keys, or 0), ``slow`` (seconds), ``issuer``, ``jwks``."""
        self._client.post("/test/set", json=what).raise_for_status()


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider, ended afterwards."""
    command = [sys.executable, "-m", "tests.identity_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            with httpx.Client(base_url=address, trust_env=False) as client:
                yield Provider(address, client)
        finally:
            process.terminate()


class _Keys:
    def __init__(self) -> None:
        self.stranger = RSAKey.generate_key(2048, {"kid": "stranger"})
        self.number = 0
        self.turn()

    def turn(self) -> None:
        self.retired = getattr(self, "rsa", self.stranger)
        self.number += 1
        self.rsa = RSAKey.generate_key(2048, {"kid": f"rsa{self.number}", "use": "sig"})
        self.ec = ECKey.generate_key("P-256", {"kid": f"ec{self.number}", "use": "sig"})

    def public(self) -> dict[str, Any]:
        # A careless provider's secret among its public keys: nobody may sign with what everybody can read.
        careless = OctKey.import_key(_CARELESS, {"kid": "careless"}).as_dict(private=True)
        told = KeySet([self.rsa, self.ec]).as_dict(private=False)
        return {"keys": [*told["keys"], careless, *_ODD]}

    def sign(self, header: dict[str, Any], claims: dict[str, Any], by: str) -> str:
        if by == "none":
            parts = ({"alg": "none"} | header, claims)
            return ".".join(_base64(json.dumps(each).encode()) for each in parts) + "."
        if by in {"public", "careless"}:
            # By hand: no library signs like this.
            secret = self.rsa.as_pem(private=False) if by == "public" else _CARELESS
            kid = self.rsa.kid if by == "public" else by
            head = {"alg": "HS256", "kid": kid} | header
            signed = ".".join(_base64(json.dumps(each).encode()) for each in (head, claims))
            return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}"
        head = {"alg": "RS256", **header}
        known = {"retired": self.retired, "stranger": self.stranger}
        key = known.get(by) or (self.ec if head["alg"].startswith("ES") else self.rsa)
        registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
        return jwt.encode({"kid": key.kid} | head, claims, key, registry=registry)


_CARELESS = b"known to everybody" * 3

_ODD: list[Any] = [
    {"kty": "of tomorrow", "kid": "x"},
    {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "y"},
    {"kty": "RSA", "kid": "z"},
    {"kty": ["RSA"]},
    "no key",
]
"""What may be among keys and is of no use: it is to be passed over (RFC 7517, 5)."""


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _app(address: str) -> Any:  # noqa: C901 - one small function for each address of a provider
    from authlib.oauth2.rfc7636 import create_s256_code_challenge
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

    app, keys = FastAPI(), _Keys()
    codes: dict[str, dict[str, Any]] = {}
    state: dict[str, Any] = {
        "fetched": 0,
        "described": 0,
        "keys": 0,
        "slow": 0,
        "issuer": address,
        "jwks": f"{address}/jwks",
        "user": None,
    }

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        state["described"] += 1
        time.sleep(state["slow"])
        return {
            "issuer": state["issuer"],
            "jwks_uri": state["jwks"],
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
        }

    @app.get("/jwks", response_model=None)
    def jwks() -> Any:
        state["fetched"] += 1
        time.sleep(state["slow"])
        if state["keys"] in {301, 302, 307}:
            return RedirectResponse(f"{address}/jwks", state["keys"])
        return JSONResponse(keys.public(), state["keys"] or 200)

    @app.get("/authorize", response_model=None)
    def authorize(request: Request) -> Any:
        asked = request.query_params
        wanted = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        if (
            any(asked.get(name) != value for name, value in wanted.items())
            or "openid" not in asked["scope"].split()
        ):
            return PlainTextResponse("invalid request", 400)
        code = secrets.token_urlsafe()
        back = {"state": asked["state"], "iss": state["issuer"]}
        if state["user"] is None:
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode(back | {'error': 'access_denied'})}", 302
            )
        codes[code] = dict(asked) | {"user": state["user"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back | {'code': code})}", 302)

    @app.post("/token", response_model=None)
    async def token(request: Request) -> Any:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        credentials = base64.b64decode(
            request.headers.get("authorization", "").removeprefix("Basic ")
        ).decode()
        known = codes.pop(given.get("code", ""), None)
        if (
            known is None
            or credentials not in {f"{CLIENT}:{SECRET}", f"{CLIENT}:{SECRET.replace(' ', '+')}"}
            or given.get("redirect_uri") != known["redirect_uri"]
            or create_s256_code_challenge(given.get("code_verifier", "")) != known["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": address,
            "aud": CLIENT,
            "sub": "7",
            "iat": now,
            "exp": now + 300,
            "nonce": known["nonce"],
        }
        signed = keys.sign({}, {k: v for k, v in (claims | known["user"]).items() if v is not None}, "")
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    @app.post("/test/sign")
    def sign(body: dict[str, Any]) -> PlainTextResponse:
        claims = {"iss": address, "aud": "mneme-api", "exp": int(time.time()) + 300} | body["claims"]
        kept = {name: value for name, value in claims.items() if value is not None}
        return PlainTextResponse(keys.sign(body["header"], kept, body["by"]))

    @app.post("/test/turn")
    def turn() -> None:
        keys.turn()

    @app.post("/test/login")
    def login(body: dict[str, Any]) -> None:
        state["user"] = body or None

    @app.post("/test/set")
    def change(body: dict[str, Any]) -> None:
        state.update(body)

    @app.get("/test/told")
    def told() -> dict[str, Any]:
        return {name: state[name] for name in ("fetched", "described")}

    return app


def main() -> None:
    """Serve on a free port of this machine, and print the address."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sys.stdout.write(address + "\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(_app(address), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
