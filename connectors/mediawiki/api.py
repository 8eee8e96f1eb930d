"""MediaWiki's API: asked politely, logged in where a password was given, and read to its end."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.http import Answer, Web
from connectors.http_errors import Refused, ServerFault, retry_after
from memory.errors import NotFound, RateLimited, SourceError

_PAUSE = {"maxlag", "ratelimited"}
_GONE = {"missingtitle", "nosuchpageid", "nosuchrevid"}
_LOGGED_OUT = {"assertuserfailed", "assertnameduserfailed"}
_REFUSED = re.compile(r".*(?:denied|notallowed|nosuchuser|blocked|cantread)|mustbeloggedin.*")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,60}")


class Api:
    """The API of one wiki.

    :param web: its base is the folder in which ``api.php`` lies.
    :param user: to log in as, best with a bot password (``Name@purpose``); ``""`` asks as anybody.
    :param maxlag: seconds that the wiki's databases may be behind before it is left in peace.
    """

    def __init__(
        self, web: Web, user: str = "", password: SecretStr | None = None, maxlag: str = "5"
    ) -> None:
        self._web = web
        self._user = user
        self._password = password
        self._maxlag = maxlag
        self._known = False

    def query(self, params: Mapping[str, str]) -> dict[str, Any]:
        """What is answered under ``query``, put together where it comes in several answers.

        :raises SourceError: and its kinds, as `ask`.
        """
        found: dict[str, Any] = {}
        for answer in self._answers(params):
            _merge(found, answer.get("query", {}))
        return found

    def pages(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Every page that a query is about, each once and whole: what is told of it in several answers is put together."""
        found: dict[str, dict[str, Any]] = {}
        for answer in self._answers(params):
            for page in answer.get("query", {}).get("pages", ()):
                _merge(found.setdefault(f"{page.get('pageid')} {page.get('title')}", {}), page)
            if answer.get("batchcomplete") or "continue" not in answer:
                yield from found.values()
                found = {}

    def rows(self, params: Mapping[str, str]) -> Iterator[Any]:
        """Every line of a query's lists."""
        for answer in self._answers(params):
            for name in params["list"].split("|"):
                yield from answer.get("query", {}).get(name, ())

    def ask(self, params: Mapping[str, str]) -> dict[str, Any]:
        """One request.

        :raises NotFound: there is no such page.
        :raises RateLimited: it asks for a pause, or its databases are behind.
        :raises Refused: the user may not see it, or cannot log in.
        :raises ServerFault: it fails over just this.
        :raises SourceError: anything else that is no answer.
        """
        if not self._password:
            return self._checked(*self._send(params))
        if not self._known:
            self._log_in()
        answer, told = self._send({**params, "assert": "user"})
        if _code(told) in _LOGGED_OUT:  # sessions end
            self._log_in()
            answer, told = self._send({**params, "assert": "user"})
        return self._checked(answer, told)

    def file(self, url: str, size: int) -> Path:
        """An uploaded file, in a local one that stays for a while.

        :raises SourceError: and its kinds, as `Web.file`; also where the wiki knows the file and does not have it.
        """
        try:
            return self._web.file(url, size=size)
        except NotFound as error:
            raise SourceError(
                error.message, hint="The wiki knows this file, and does not have it."
            ) from error

    def close(self) -> None:
        """End the connections."""
        self._web.close()

    def _answers(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Answer after answer, for as long as the wiki says that there is more."""
        following: dict[str, str] = {"continue": ""}
        while True:
            answer = self.ask({"action": "query", **params, **following})
            if not isinstance(answer.get("query", {}), dict):
                raise SourceError(f"{self._web.host} answers no query as MediaWiki does.")
            yield answer
            more = answer.get("continue")
            if not isinstance(more, dict):
                return
            before, following = following, {str(name): str(value) for name, value in more.items()}
            if before == following:
                raise SourceError(f"{self._web.host} goes on with the same part of a list for ever.")

    def _send(
        self, params: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> tuple[Answer, dict[str, Any]]:
        """As a form where it is too long for an address."""
        given = {"format": "json", "formatversion": "2", "maxlag": self._maxlag, **params}
        try:
            if form is not None or sum(map(len, given.values())) > 1_000:
                answer = self._web.ask("POST", "api.php", form={**given, **(form or {})})
            else:
                answer = self._web.ask("GET", "api.php", params=given)
        except NotFound as error:
            raise SourceError(error.message, hint=_ADDRESS) from error
        told = answer.json()
        if not isinstance(told, dict):
            raise SourceError(f"{self._web.host} does not answer as MediaWiki does.", hint=_ADDRESS)
        return answer, told

    def _log_in(self) -> None:
        """By ``action=login``, which is what bot passwords are for. Cookies hold the session."""
        self._known = False
        tokens = self._checked(*self._send({"action": "query", "meta": "tokens", "type": "login"}))
        try:
            token = str(tokens["query"]["tokens"]["logintoken"])
        except (KeyError, TypeError) as error:
            raise SourceError(f"{self._web.host} gives no token to log in by.", hint=_ADDRESS) from error
        password = self._password.get_secret_value() if self._password else ""
        form = {"lgname": self._user, "lgpassword": password, "lgtoken": token}
        told = self._checked(*self._send({"action": "login"}, form)).get("login")
        if not isinstance(told, dict) or told.get("result") != "Success":
            # What else it says may repeat what it was sent.
            raise Refused(f"{self._web.host} does not let {self._user} in.", hint=_BOT_PASSWORD)
        self._known = True

    def _checked(self, answer: Answer, told: dict[str, Any]) -> dict[str, Any]:
        code = _code(told)
        if not code:
            return told
        host = self._web.host
        if code in _PAUSE:
            raise RateLimited(f"{host} asks for a pause ({code}).", after_s=retry_after(answer.headers))
        if code in _GONE:
            raise NotFound(f"{host} has no such page.")
        if code.startswith("internal_api_error"):
            raise ServerFault(f"{host} fails over this ({code}).")
        if _REFUSED.fullmatch(code):
            raise Refused(f"{host} does not let us read this ({code}).", hint=_BOT_PASSWORD)
        raise SourceError(f"{host} cannot answer this ({code}).")


_ADDRESS = (
    "Give the folder in which api.php lies, or its own address: the wiki's page Special:Version names it."
)
_BOT_PASSWORD = (
    "Give --option user and --secret password: a bot password from the wiki's page Special:BotPasswords."  # noqa: S105
)


def _code(told: dict[str, Any]) -> str:
    """The API's name for what went wrong; ``""`` where nothing did."""
    error = told.get("error")
    if error is None:
        return ""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown"


def _merge(into: dict[str, Any], told: dict[str, Any]) -> None:
    for name, value in told.items():
        if isinstance(value, list) and isinstance(into.get(name), list):
            into[name] += value
        else:
            into[name] = value
