"""What a provider sent that cannot be understood, by the words that the standard has for it (RFC 7644, table 9)."""

from memory.errors import InvalidInput


class InvalidFilter(InvalidInput):
    """A filter cannot be understood."""


class InvalidPath(InvalidInput):
    """A change names no attribute."""


class InvalidSyntax(InvalidInput):
    """A request is not built as it should be."""
