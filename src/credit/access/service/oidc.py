"""A city's identity provider (OpenID Connect Core 1.0): authorization code with PKCE."""

import base64
import hashlib
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from credit.kit.clock import Clock
from credit.kit.errors import CreditError, NotFound, Overloaded, Unauthenticated
from credit.kit.texts import say
from credit.settings import Settings

__all__ = [
    "CALLBACK_PATH",
    "IdentityProvider",
    "NoProvider",
    "OpenIdProvider",
    "provider_of",
    "refused",
    "subject_of",
]

CALLBACK_PATH = "/login/oidc/callback"
ANSWER_BYTES_MAX = 256 * 1024
TIMEOUT_SECONDS = 5.0
DISCOVERY_LIFE = timedelta(hours=1)
CLOCK_SKEW_SECONDS = 60
SUBJECT_CHARS_MAX = 200
# Signatures by the provider's private key alone: with a shared secret (HS256) or none at all,
# whoever knows our secret, or nobody, could write a token.
ALGORITHMS = ("RS256", "PS256", "ES256")
# One sentence whatever was wrong: who tries learns nothing about who is linked.
REFUSED = say(
    "统一身份登录没有成功：这次认证已失效，或这个身份没有绑定本系统的账户。请先用用户名和密码登录，在“我的账户”里绑定后再用。"
)
NO_PROVIDER = say("本系统没有启用统一身份登录，请用用户名和密码登录。")


class IdentityProvider(Protocol):
    """Somebody else who knows people; without a `label` there is none."""

    label: str
    issuer: str

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return where the browser goes to be recognised."""
        ...

    async def subject(self, *, code: str, nonce: str, verifier: str) -> str:
        """Return whom the provider recognised (`sub`), for the code the browser came back with."""
        ...


class NoProvider:
    """What stands in where no provider is configured."""

    label = ""
    issuer = ""

    async def address(self, **_: str) -> str:
        """Refuse."""
        raise NotFound(NO_PROVIDER)

    async def subject(self, **_: str) -> str:
        """Refuse."""
        raise NotFound(NO_PROVIDER)


class OpenIdProvider:
    """An OpenID Connect provider, found by its issuer's address."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not (settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret):
            raise ValueError("an identity provider has an issuer, a client id and a client secret")
        self.label = settings.oidc_label
        self.issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._callback = settings.public_url + CALLBACK_PATH
        self._clock = clock
        self._transport = transport
        self._tls = ssl.create_default_context()  # reading the roots takes long: once
        self._found: tuple[datetime, dict[str, Any]] | None = None

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return the authorization request (Core §3.1.2.1, with PKCE, RFC 7636)."""
        digest = hashlib.sha256(verifier.encode()).digest()
        endpoint = self._endpoint(await self._discover(), "authorization_endpoint")
        query = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._client_id,
            "redirect_uri": self._callback,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def subject(self, *, code: str, nonce: str, verifier: str) -> str:
        """Exchange the code for an ID token and check it; raises Unauthenticated."""
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        secret = self._secret.get_secret_value()
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(secret))
        else:
            form |= {"client_id": self._client_id, "client_secret": secret}
        url = self._endpoint(found, "token_endpoint")
        tokens = await self._ask("POST", url, data=form, auth=auth)
        keys = await self._ask("GET", self._endpoint(found, "jwks_uri"))
        return subject_of(
            str(tokens.get("id_token", "")),
            keys,
            issuer=self.issuer,
            audience=self._client_id,
            nonce=nonce,
            now=self._clock.now(),
        )

    async def _discover(self) -> dict[str, Any]:
        """Read what the provider says of itself (Discovery §4); kept for an hour."""
        now = self._clock.now()
        if self._found is None or now - self._found[0] > DISCOVERY_LIFE:
            url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await self._ask("GET", url)
            if found.get("issuer") != self.issuer:
                raise Overloaded(say("统一身份认证的配置与本系统不符，请联系管理员。"))
            self._found = now, found
        return self._found[1]

    def _endpoint(self, found: Mapping[str, Any], name: str) -> str:
        """Return an address the provider named; none less safe than the issuer's own."""
        url = str(found.get(name, ""))
        if not url.startswith(("https://", f"{urlsplit(self.issuer).scheme}://")):
            raise Overloaded(say("统一身份认证的配置与本系统不符，请联系管理员。"))
        return url

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """Send a request and read a JSON object; an error answer is a refusal."""
        content = b""
        try:
            async with (
                httpx.AsyncClient(
                    verify=self._tls,
                    transport=self._transport,
                    timeout=TIMEOUT_SECONDS,
                    trust_env=False,
                ) as client,
                client.stream(method, url, **request) as answer,
            ):
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > ANSWER_BYTES_MAX:
                        raise refused()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Overloaded(say("统一身份认证暂时连不上，请稍后再试，或用密码登录。")) from error
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if answer.status_code != httpx.codes.OK or not isinstance(found, dict):
            raise refused()
        return found


def provider_of(settings: Settings, clock: Clock) -> IdentityProvider:
    """Return the provider a deployment has configured, or what stands in for none."""
    return OpenIdProvider(settings, clock) if settings.oidc_issuer else NoProvider()


def subject_of(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    audience: str,
    nonce: str,
    now: datetime,
) -> str:
    """Check an ID token (Core §3.1.3.7) and return whom it is about.

    `keys` is the issuer's JWK set. Anything wrong raises the one Unauthenticated.
    """
    expected = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=CLOCK_SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        nonce={"essential": True},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
        expected.validate(found.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused() from error
    fresh = found.claims["nonce"] == nonce  # itself, not one of a list
    several = isinstance(found.claims["aud"], list) and len(found.claims["aud"]) > 1
    party = found.claims.get("azp", None if several else audience)
    subject: str = found.claims["sub"]
    if not fresh or party != audience or not 0 < len(subject) <= SUBJECT_CHARS_MAX:
        raise refused()
    return subject


def refused() -> CreditError:
    """Return the one refusal of a sign-in by another's word."""
    return Unauthenticated(REFUSED, slug="sign-in-refused")
