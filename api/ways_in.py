"""Which ways in there are, as the settings name them."""

from collections.abc import Callable, Mapping

from api.by_key import ByApiKey
from api.identify import Callers, Identification, Identify, NoLogin, OwnerToken
from api.roles import RoleHolders, UserRole
from api.settings import AuthSettings
from memory.catalogue.catalogue import Catalogue


def identification(settings: AuthSettings, catalogue: Catalogue, owner: OwnerToken) -> Identification:
    """The ways in that the settings name; the owner's is always among them, and what shows a token goes before the rest."""
    if not settings.methods:
        return Identification([owner, NoLogin()])
    callers = Callers(catalogue.people, role_holders(settings))
    made: Mapping[str, Callable[[], Identify]] = {
        "keys": lambda: ByApiKey(catalogue.api_keys, callers),
        "jwt": lambda: _by_jwt(settings, callers),
    }
    return Identification([owner, *(make() for name, make in made.items() if name in settings.methods)])


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
