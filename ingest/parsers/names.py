"""Names of people as documents write them: lists taken apart, software and placeholders left out."""

import re

from memory.domain import Identity
from memory.errors import InvalidInput

_ADDRESS = re.compile(r"[\w.+'%-]+@[\w-]+(?:\.[\w-]+)+")
_SPELT_AT = re.compile(r"\b([\w.+-]+)\s+at\s+([\w-]+(?:\.[\w-]+)+)\b")
_BETWEEN = re.compile(r"\s*(?:[;\n\r|]|\s[&/+]\s|\s(?:and|und|et|og|och)\s)\s*", re.IGNORECASE)
_LEADING_AND = re.compile(r"^(?:and|und|et|og|och|&)\s+", re.IGNORECASE)
_SUFFIX = re.compile(
    r"(?:ph\.?\s?d\.?|m\.?d\.?|jr\.?|sr\.?|esq\.?|m\.?sc\.?|b\.?sc\.?|mba|ll\.?m\.?|i{2,3}|iv)", re.IGNORECASE
)
_PARTICLES = "van|von|der|den|de|del|della|di|da|dos|du|la|le|zu|zur|af|av|ten|ter|bin|ibn|al|el|y|und|vom"
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_WORD = rf"(?:{_CAPITAL}[\w'’]+(?:-[\w'’]+)*|{_CAPITAL}\.(?:-?{_CAPITAL}\.)*|(?:{_PARTICLES}))"
PERSON = rf"{_CAPITAL}(?:[\w'’]+(?:-[\w'’]+)*|\.)(?:\s{_WORD}){{0,3}}\s(?:{_CAPITAL}[\w'’]+(?:-[\w'’]+)*)"
"""A pattern for a full name: two to five capitalised words, initials and particles."""

# Programs and placeholders that stand where an author should; compared without case.
_SOFTWARE = re.compile(
    r"microsoft|\bword\b|\bexcel\b|powerpoint|acrobat|adobe|distiller|libreoffice|openoffice|staroffice|python-?docx|python-?pptx"
    r"|openpyxl|xlsxwriter|apache|\bpoi\b|\btika\b|pdfcreator|pdftk|itext|ghostscript|\bl?atex\b|pdftex|pandoc|quartz"
    r"|writer\b|\bcalc\b|impress|google\s?docs|wordperfect|indesign|illustrator|photoshop|framemaker|aspose|crystal"
    r"|chrom(?:e|ium)|wkhtml|prince\b|reportlab|fpdf|tcpdf|scanner|scansoft|canon|xerox|konica|ricoh|hewlett|\bpdf\b|\bhtml\b"
    r"|version\s?\d|\bv?\d+\.\d+|hal\.|\.(?:docx?|pdf|exe|com|dll)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:windows|default|new|preferred|test|office|valued|registered|local|guest|demo|end)?[\s_.-]*"
    r"(?:users?|ユーザー|用户|使用者|customer|admin(?:istrator)?|benutzer|utilisateur|bruger|usuario|owner|guest|root|nobody|author|autor|auteur"
    r"|forfatter|name|unknown|unbekannt|inconnu|ukendt|none|null|n/?a|anonymous|anonym|anonyme|test|home|system|nobody"
    r"|computer|pc|laptop|desktop|your name|system account|setup|install|temp|owner|various|many others|others|et al\.?)"
    r"\d*",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(
    r"\b(?:inc|corp|corporation|ltd|limited|llc|llp|plc|gmbh|mbh|ag|kg|s\.?a\.?r?\.?l?|a/s|aps|b\.?v\.?|n\.?v\.?|oy|ab"
    r"|company|university|universität|université|universitet|department|ministry|ministerium|institute|institut"
    r"|foundation|association|committee|team|group|council|agency|bank|office|society|software|systems|division|board|bureau)\b\.?",
    re.IGNORECASE,
)


def is_person(name: str) -> bool:
    """Whether a name may belong to a human being: no software, placeholder, organisation or path."""
    if not 2 <= len(name) <= 60 or len(name.split()) > 6 or not any(letter.isalpha() for letter in name):
        return False
    if sum(character.isdigit() for character in name) > 2 or re.search(
        r"[\\/<>{}\[\]=:?*#_]{1}|https?", name
    ):
        return False
    return not (_SOFTWARE.search(name) or _PLACEHOLDER.fullmatch(name.strip()) or _ORGANISATION.search(name))


def identities(text: str) -> tuple[Identity, ...]:
    """The people in a list of names, addresses or both, in their order and without repetition.

    ``Doe, Jane; Smith, John`` and ``Jane Doe, John Smith`` are two people each; ``Doe, Jane`` is one.
    """
    found: dict[tuple[str, str], Identity] = {}
    readable = _SPELT_AT.sub(r"\1@\2", text)
    for part in _BETWEEN.split(readable):
        for piece in _commas(part.strip(" ,;\t")):
            identity = _identity(_LEADING_AND.sub("", piece))
            if identity is not None:
                found.setdefault((identity.name.casefold(), identity.address), identity)
    return tuple(found.values())


def _commas(text: str) -> list[str]:
    """Split at commas, but not inside ``Doe, Jane``."""
    pieces = [piece.strip() for piece in re.split(r",(?![^<(]*[>)])", text)]
    pieces = [piece for piece in pieces if piece and not _SUFFIX.fullmatch(piece)]
    if len(pieces) < 2 or any("@" in piece for piece in pieces[:-1]):
        return pieces
    short = [_is_surname(piece) for piece in pieces]
    if len(pieces) % 2 == 0 and all(
        short[place] and len(pieces[place + 1].split()) <= 3 for place in range(0, len(pieces), 2)
    ):
        return [f"{pieces[place]}, {pieces[place + 1]}" for place in range(0, len(pieces), 2)]
    return pieces


def _is_surname(piece: str) -> bool:
    words = [word for word in piece.split() if word.casefold() not in _PARTICLES.split("|")]
    return len(words) == 1 and "@" not in piece


def _identity(piece: str) -> Identity | None:
    address = _ADDRESS.search(piece)
    name = _ADDRESS.sub("", piece)
    inside = re.search(r"\(([^)]*)\)", name)
    outside = re.sub(r"\([^)]*\)|<[^>]*>", " ", name)
    # `jane@x.example (Jane Doe)` has the name in brackets, `Jane Doe (Acme)` a remark.
    name = outside if outside.strip(" ,\"'<>") or inside is None else inside[1]
    name = " ".join(name.split()).strip(" ,;\"'<>*•·")
    if name and not is_person(name):
        name = ""
    try:
        return Identity(name=name, address=address[0].lower() if address else "")
    except InvalidInput:
        return None
