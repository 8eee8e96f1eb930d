"""Where a repository lies: a folder on this machine, or an address that git fetches from."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.http_settings import basic, bearer
from connectors.internet_address import is_here
from memory.errors import InvalidInput

OPTIONS = ("user", "ca", "proxy", "known_hosts")
SECRETS = ("password", "token", "key")

_FORM = "It reads https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or is the path of a folder."
_SCP = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-:\x00-\x20\x7f][^\x00-\x20\x7f]*")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository elsewhere.

    :param url: as git takes it, without any secret.
    :param protocol: ``https``, ``http`` (this machine only) or ``ssh``.
    :param name: of the server, for people.
    """

    url: str
    protocol: str
    name: str
    user: str = ""
    password: SecretStr | None = None
    token: SecretStr | None = None
    key: SecretStr | None = None
    ca: str = ""
    proxy: str = ""
    known_hosts: str = field(default="")

    def settings(self) -> list[tuple[str, str]]:
        """What git is told for this server; it has the secret, and comes to git by the environment."""
        told = [
            # A secret would follow a redirection to whichever server it names.
            ("http.followRedirects", "false"),
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", "60"),
            ("http.emptyAuth", "false"),
        ]
        if self.ca:
            told.append(("http.sslCAInfo", self.ca))
        if self.proxy:
            told.append(("http.proxy", self.proxy))
        if self.token or self.password:
            shown = (
                bearer(self.token)
                if self.token
                else basic(self.user or "git", self.password or SecretStr(""))
            )
            told.append(("http.extraHeader", f"Authorization: {shown.get_secret_value()}"))
        return told

    def hides(self) -> list[str]:
        """Whatever no message may repeat."""
        given = [each.get_secret_value() for each in (self.password, self.token, self.key) if each]
        return [
            *given,
            *(value.rpartition(" ")[2] for name, value in self.settings() if name == "http.extraHeader"),
        ]


def address_of(config: SourceConfig) -> Path | Remote:
    """Where the repository lies.

    :raises InvalidInput: where that cannot be understood, is no protocol that is let through, or has a secret in it.
    """
    text = config.location
    if (
        not text
        or text.startswith("-")
        or "::" in text.partition("/")[0]
        or re.search(r"[\x00-\x1f\x7f]", text)
    ):
        raise InvalidInput("A gitwiki source needs the path or the address of a Git repository.", hint=_FORM)
    if "://" in text:
        return _by_url(config, text)
    if is_remote(text):
        return _remote(config, text, "ssh", text.partition("@")[2].partition(":")[0])
    return _nothing_remote(config, Path(text).absolute())


def _by_url(config: SourceConfig, text: str) -> Path | Remote:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"Not an address of a Git repository: {text}.", hint=_FORM) from error
    if parts.password is not None:
        raise InvalidInput(
            "A password stands in the address.",
            hint="Give it by --secret password, and the name by --option user.",
        )
    if parts.scheme == "file" and host in ("", "localhost"):
        return _nothing_remote(config, Path(unquote(parts.path)).absolute())
    if parts.scheme == "http" and not is_here(host):
        raise InvalidInput(
            "What comes by http:// may be read and changed on its way.", hint="Give an address with https://."
        )
    known = parts.scheme in ("https", "http", "ssh") and _HOST.fullmatch(host) is not None
    if not known or not parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidInput(f"Not an address of a Git repository: {text}.", hint=_FORM)
    user = parts.username
    if user is not None and (parts.scheme != "ssh" or not re.fullmatch(r"\w[\w.-]*", user)):
        raise InvalidInput("A user's name stands in the address.", hint="Give it by --option user=NAME.")
    return _remote(config, text, parts.scheme, host)


def is_remote(text: str) -> bool:
    """Whether it is an address and no path."""
    return "://" in text or _SCP.fullmatch(text) is not None


def _nothing_remote(config: SourceConfig, path: Path) -> Path:
    given = [name for name, _ in (*config.options, *config.secrets) if name in (*OPTIONS, *SECRETS)]
    if given:
        raise InvalidInput(
            f"{given[0]} is for repositories elsewhere; this is a folder.", hint="Leave it out."
        )
    return path


def _remote(config: SourceConfig, url: str, protocol: str, name: str) -> Remote:
    suits = ("key",) if protocol == "ssh" else ("password", "token")
    for secret, _ in config.secrets:
        if secret not in suits:
            raise InvalidInput(
                f"By {protocol} one logs in with {' or '.join(suits)}, not with {secret}.",
                hint=f"Give --secret {suits[0]}.",
            )
    if any(not each.get_secret_value().isprintable() for name, each in config.secrets if name != "key"):
        raise InvalidInput("A password or token has what cannot be printed in it.", hint="Give it anew.")
    if len(config.secrets) > 1:
        raise InvalidInput("A password and a token are given.", hint="Give one of them.")
    return Remote(
        url,
        protocol,
        name,
        user=config.option("user"),
        password=config.secret("password"),
        token=config.secret("token"),
        key=config.secret("key"),
        ca=config.option("ca"),
        proxy=config.option("proxy"),
        known_hosts=config.option("known_hosts"),
    )
