"""The interface's texts as the code and the templates hold them, for its catalogues (gettext, Babel).

``python -m api.catalogues`` brings ``api/locales/*.po`` to what is there: new texts are added without a
translation, which a test then asks for, and texts that are gone are dropped.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from api.wording import LANGUAGES, LOCALES

_SOURCES = Path(__file__).parent
_METHODS = [("demo/**", "ignore"), ("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "msg": None}
_PLURALS = {"fr": "nplurals=2; plural=(n > 1);"}
"""How a language counts, written into its catalogue: what Babel takes for it changes with the version."""
_TWO = "nplurals=2; plural=(n != 1);"


def texts() -> Catalog:
    """Every text of the interface, without translations."""
    catalogue = Catalog(project="mneme", fuzzy=False)
    for _file, _line, message, _comments, context in _extracted():
        catalogue.add(message, context=context)
    return catalogue


def _extracted() -> Iterator[tuple[str, int, str | tuple[str, ...], list[str], str | None]]:
    yield from extract_from_dir(
        str(_SOURCES),
        method_map=[(pattern, method) for pattern, method in _METHODS if method != "ignore"],
        options_map={"templates/**.html": {"trimmed": "false", "newstyle_gettext": "true"}},
        keywords=_KEYWORDS,
        directory_filter=lambda folder: not folder.endswith("demo"),
        strip_comment_tags=True,
    )


def main() -> None:
    """Bring the catalogues to what the code and the templates hold."""
    now = texts()
    for code in list(LANGUAGES)[1:]:
        file = LOCALES / f"{code}.po"
        known = read_po(BytesIO(file.read_bytes() if file.exists() else b""), locale=code)
        plurals = _PLURALS.get(code, _TWO)
        fresh = Catalog(locale=code)
        fresh.mime_headers = [("Plural-Forms", plurals)]
        for message in now:
            held = known.get(message.id)
            if message.id:
                fresh.add(message.id, held.string if held else None)
        written = BytesIO()
        write_po(written, fresh, omit_header=True, no_location=True, sort_output=True, width=110)
        header = f'msgid ""\nmsgstr "Plural-Forms: {plurals}\\n"\n\n'
        file.write_bytes(header.encode() + written.getvalue())


if __name__ == "__main__":
    main()
