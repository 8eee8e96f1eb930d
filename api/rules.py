"""Which route needs which permission. A route that has no rule is refused to everybody; a test finds it."""

from collections.abc import Mapping

from api.roles import Permission

_P = Permission

OPEN = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/login/oidc"),
        ("GET", "/login/return"),
    }
)
"""What is answered without saying who asks."""

OPEN_FOLDERS = ("/static/",)
"""Folders of files that every page needs."""

_BY_PERMISSION: Mapping[Permission, str] = {
    _P.READ: """
        GET /
        GET /api/documents/{document}
        GET /api/documents/{document}/compare/{other}
        GET /api/documents/{document}/original
        GET /api/documents/{document}/pages/{page}
        GET /api/documents/{document}/pages/{page}/picture
        GET /api/documents/{document}/similar
        GET /api/documents/{document}/thread
        GET /api/documents/{document}/versions
        GET /api/people
        GET /api/people/{person_id}
        GET /api/saved
        GET /api/search
        GET /api/search/count
        GET /api/search/export
        GET /api/why
        POST /logout
        GET /password
        POST /password
        GET /documents/{document}
        GET /documents/{document}/compare/{other}
        GET /documents/{document}/pages/{page}
        GET /documents/{document}/similar
        GET /documents/{document}/thread
        GET /openapi.json
        GET /people
        GET /people/{person_id}
        GET /saved
        GET /saved/{identity}/feed
        GET /why
    """,
    _P.CONTRIBUTE: """
        POST /api/documents/{document}/vote
        GET /api/judging/pools
        POST /api/people/decisions/{decision}/undo
        POST /api/people/{person_id}/not-me
        POST /api/saved
        DELETE /api/saved/{identity}
        POST /api/saved/{identity}/look
        POST /documents/{document}/vote
        GET /judging
        GET /judging/{name}
        POST /judging/{name}
        GET /judging/{name}/settle
        POST /judging/{name}/settle
        POST /people/{person_id}/not-me
        POST /people/{person_id}/undo
        POST /saved
        POST /saved/{identity}/look
        POST /saved/{identity}/remove
    """,
    _P.PUSH: """
        DELETE /api/sources/{name}/documents/{document:path}
        GET /api/sources/{name}/documents/{document:path}
        PUT /api/sources/{name}/documents/{document:path}
    """,
    _P.PROVISION: """
        GET /scim/{name}/Groups
        POST /scim/{name}/Groups
        DELETE /scim/{name}/Groups/{which}
        GET /scim/{name}/Groups/{which}
        PATCH /scim/{name}/Groups/{which}
        PUT /scim/{name}/Groups/{which}
        GET /scim/{name}/ResourceTypes
        GET /scim/{name}/Schemas
        GET /scim/{name}/Schemas/{which}
        GET /scim/{name}/ResourceTypes/{which}
        GET /scim/{name}/ServiceProviderConfig
        GET /scim/{name}/Users
        POST /scim/{name}/Users
        POST /scim/{name}/.search
        POST /scim/{name}/Users/.search
        POST /scim/{name}/Groups/.search
        DELETE /scim/{name}/Users/{which}
        GET /scim/{name}/Users/{which}
        PATCH /scim/{name}/Users/{which}
        PUT /scim/{name}/Users/{which}
    """,
    _P.EVALUATE: """
        GET /api/eval/active
        GET /api/eval/sample
        POST /api/judging/pools
        DELETE /api/judging/pools/{name}
        GET /api/judging/pools/{name}/qrels
    """,
    _P.CURATE: """
        POST /api/people/{person_id}/merge
        POST /api/people/{person_id}/name
        POST /api/people/{person_id}/split
        POST /people/{person_id}/merge
        POST /people/{person_id}/name
        POST /people/{person_id}/split
    """,
    _P.AUDIT: """
        GET /api/audit
        GET /api/audit/verify
    """,
    _P.HOLD: """
        GET /api/holds
        POST /api/holds
        GET /api/holds/{which}
        GET /api/holds/{which}/export
        POST /api/holds/{which}/release
        GET /holds
        POST /holds
        POST /holds/{which}/release
    """,
    _P.OPERATE: """
        POST /api/doctor
        GET /api/health
        GET /api/kinds
        GET /api/ledger
        GET /metrics
        POST /api/ledger/retry
        POST /api/secrets/renew
        GET /api/sources
        POST /api/sources
        DELETE /api/sources/{name}
        PUT /api/sources/{name}/schedule
        PUT /api/sources/{name}/secrets/{secret}
        POST /api/sources/{name}/{action}
        DELETE /api/sync
        GET /api/sync
        POST /api/sync
        GET /ledger
        POST /ledger/retry
        GET /new-source
        POST /new-source
        GET /sources
        GET /sources/{name}/settings
        POST /sources/{name}/settings/check
        POST /sources/{name}/settings/secret
        POST /sources/{name}/schedule/set
        POST /sources/{name}/{action}
    """,
    _P.MANAGE_ACCESS: """
        POST /api/people
        GET /api/keys
        POST /api/keys
        DELETE /api/keys/{identity}
        GET /api/users
        POST /api/users
        DELETE /api/users/{address}
        PUT /api/users/{address}/password
    """,
    # These look at the whole memory, whoever asks, or decide what answers everybody.
    _P.EVERYTHING: """
        POST /api/backup
        POST /api/eval/ask
        POST /api/eval/candidates
        GET /api/eval/documents
        POST /api/eval/promote
        POST /api/eval/vary
        GET /api/people/decisions
        GET /api/people/{person_id}/trail
    """,
}

RULES: Mapping[tuple[str, str], Permission] = {
    (method, path): permission
    for permission, lines in _BY_PERMISSION.items()
    for method, _, path in (line.strip().partition(" ") for line in lines.strip().splitlines())
}
"""The permission a route needs, by method and path as the route declares it."""


def is_open(method: str, path: str) -> bool:
    """Whether a request may come to a route before anybody knows who sent it; the route itself decides again."""
    return (method, path) in OPEN or path.startswith(OPEN_FOLDERS)
