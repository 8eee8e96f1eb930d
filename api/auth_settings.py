"""The settings of who is let in: the ways to say who asks, and what makes somebody more than an employee."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from api.setting_kinds import SettingsGroup, Several, comma_separated, is_confidential
from memory.domain import PUBLIC, Access
from memory.errors import InvalidInput

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"
]
Algorithms = Annotated[tuple[Algorithm, ...], NoDecode, BeforeValidator(comma_separated), Field(min_length=1)]
"""How a token may be signed: by a key of which only the provider has the secret half."""


class JwtSettings(SettingsGroup):
    """Tokens that an identity provider has signed for this service."""

    issuer: str = Field("", description="The provider's name in its tokens (`iss`): an https address.")
    audience: str = Field("", description="This service's name in its tokens (`aud`).")
    jwks_url: str = Field("", description="Where its keys are; empty: as the provider itself says.")
    algorithms: Algorithms = Field(("RS256", "ES256"), description="How tokens may be signed, with commas.")
    address_claim: str = Field("email", description="The claim that has the e-mail address.")
    groups_claim: str = Field(
        "groups", description="The claim that lists groups: `legal` there is `group:legal` here."
    )


class OidcSettings(SettingsGroup):
    """An identity provider at which people log in to the pages."""

    issuer: str = Field(
        "", description="The provider's name: an https address, below which it describes itself."
    )
    client_id: str = Field("", description="This service's name there; it comes back to `/login/return`.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its password there; empty: PKCE alone.")
    scopes: Several = Field(("openid", "email", "profile"), description="What to ask for, with commas.")
    algorithms: Algorithms = Field(("RS256", "ES256"), description="How tokens may be signed, with commas.")
    address_claim: str = Field("email", description="The claim that has the e-mail address.")
    groups_claim: str = Field("groups", description="The claim that lists groups.")


class ProxySettings(SettingsGroup):
    """A proxy that lets people in and names them by headers."""

    address_header: str = Field("X-Forwarded-Email", description="The header that has the e-mail address.")
    groups_header: str = Field("X-Forwarded-Groups", description="The header that lists groups, with commas.")
    secret: SecretStr = Field(
        SecretStr(""),
        description="What the proxy must send in `X-Mneme-Proxy`; empty: its address is enough.",
    )

    @field_validator("secret")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        # RFC 9110, 5.5: how other letters are sent is not said, and space at the ends is lost on the way.
        if not text.isascii() or not text.isprintable() or text != text.strip():
            raise ValueError(
                "a header carries it, so that it may only have letters, digits and signs of ASCII, and no space at its ends"
            )
        return secret


Method = Literal["keys", "jwt", "proxy", "password", "oidc"]
"""A way to say who asks."""


class AuthSettings(SettingsGroup):
    """How those who ask say who they are, and which access tokens make them more than an employee."""

    methods: Annotated[tuple[Method, ...], NoDecode, BeforeValidator(comma_separated)] = Field(
        (),
        description="Ways to say who asks, with commas: `keys`, `jwt`, `proxy`, `password`, `oidc`; none: on loopback everybody is the owner.",
    )
    legal: Several = Field(
        (), description="Access tokens of those who may read the audit and place legal holds, with commas."
    )
    knowledge_managers: Several = Field((), description="Of those who decide who is who and measure.")
    administrators: Several = Field(
        (), description="Of those who run sources, give out keys and import people."
    )
    session_hours: Annotated[float, Field(gt=0, le=24 * 30)] = Field(
        12, description="Hours after which whoever logged in to the pages logs in again."
    )
    idle_minutes: Annotated[float, Field(gt=0)] = Field(
        60, description="Minutes without a request after which they do."
    )
    jwt: JwtSettings = JwtSettings()
    proxy: ProxySettings = ProxySettings()
    oidc: OidcSettings = OidcSettings()

    @field_validator("legal", "knowledge_managers", "administrators")
    @classmethod
    def _tokens(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        try:
            access = Access(frozenset(tokens))
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        if access.public:
            raise ValueError(f"everybody holds {PUBLIC}; name a group or a person")
        return tokens

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "jwt" in self.methods:
            _need("jwt", {"ISSUER": self.jwt.issuer, "AUDIENCE": self.jwt.audience})
            _need_https(self.jwt.issuer, self.jwt.jwks_url)
        if "oidc" in self.methods:
            needed = {"ISSUER": self.oidc.issuer, "CLIENT_ID": self.oidc.client_id}
            _need("oidc", needed | {"SCOPES": "openid" in self.oidc.scopes})
            _need_https(self.oidc.issuer)
        return self


def _need_https(*addresses: str) -> None:
    for address in filter(None, addresses):
        if not is_confidential(urlsplit(address)):
            raise ValueError(f"{address} is no https address: anybody on the way could let themselves in")


def _need(group: str, given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if not value:
            raise ValueError(f"{group} is among the methods; set MNEME_AUTH__{group.upper()}__{name} too")
