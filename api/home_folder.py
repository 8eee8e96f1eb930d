"""What lies in the home folder, by name; a backup has the same names."""

CATALOGUE, INDEX, SETTINGS, KEYS = "catalogue.db", "index", "settings.toml", "keys"
"""What a backup may hold."""

SOURCES = "sources"
"""A folder for each source's connector; what lies there can be made again."""

OWNER_LOCK, OWNER_TOKEN = "owner.lock", "owner.token"
"""Of the process that owns the memory; made anew with each."""

RESTORING = "restoring"
"""The folder where a backup lies until it is whole and verified."""
