"""Which ways in there are, as the settings name them."""

from collections.abc import Callable, Mapping

from api.auth_settings import AuthSettings
from api.by_key import ByApiKey
from api.by_proxy import ByProxy
from api.by_session import BySession
from api.identify import Callers, Identification, Identify, NoLogin, OwnerToken
from api.peers import Peers
from api.roles import RoleHolders, UserRole
from api.settings import Settings
from memory.catalogue.catalogue import Catalogue

WITH_SESSION = frozenset({"password", "oidc"})
"""Methods by which people log in to the pages."""


def identification(settings: Settings, catalogue: Catalogue, owner: OwnerToken) -> Identification:
    """The ways in that the settings name; the owner's is always among them, and what shows a token goes before the rest."""
    auth = settings.auth
    if not auth.methods:
        return Identification([owner, NoLogin()])
    callers = Callers(catalogue.people, role_holders(auth))
    made: Mapping[str, Callable[[], Identify]] = {
        "keys": lambda: ByApiKey(catalogue.api_keys, callers),
        "jwt": lambda: _by_jwt(auth, callers),
        "session": lambda: BySession(auth, settings.serve, catalogue.sessions, callers),
        "proxy": lambda: ByProxy(auth.proxy, Peers(settings.serve.proxies), callers),
    }
    wanted = {*auth.methods, *({"session"} if WITH_SESSION & {*auth.methods} else ())}
    return Identification([owner, *(make() for name, make in made.items() if name in wanted)])


def _by_jwt(settings: AuthSettings, callers: Callers) -> Identify:
    from api.by_jwt import ByJwt  # cryptography only where it is needed

    return ByJwt(settings.jwt, callers)


def role_holders(settings: AuthSettings) -> RoleHolders:
    """Who has which role, as the settings say."""
    return RoleHolders(
        {
            UserRole.LEGAL: frozenset(settings.legal),
            UserRole.KNOWLEDGE_MANAGER: frozenset(settings.knowledge_managers),
            UserRole.ADMINISTRATOR: frozenset(settings.administrators),
        }
    )
