"""Where sentences end, in the languages of Europe, without a model."""

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…][\"'”’»)\]]*(\s+)(?=[\"'“„«(\[¿¡–-]*[^\W_])|[。！？](\s*)(?=\S)")
_LAST_WORD = re.compile(r"[\w.§-]+$")
# Words that end in a full stop which ends no sentence: English, German, French, Danish and the law's.
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\w+",
        """
    mr mrs ms dr prof st no nos vs etc inc ltd co corp jr sr art sec secs fig figs ed eds vol pp approx dept est ext
    cf ca cca bzw usw vgl ggf evtl inkl exkl max min mio mrd nr abs ziff str hr fr bd hrsg abb tel zzgl sog gem
    mme mlle mm art al chap éd env réf tél av bd resp
    kap stk jf pkt pr hhv bl osv mht iht evt inkl ekskl kr fx nr s
    jan feb mar apr jun jul aug sep sept oct okt nov dec dez déc janv févr avr juil
    """,
    )
)


def sentence_ends(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Each inner sentence end between two offsets: where it ends and where the next sentence starts."""
    for match in _END.finditer(text, start, end):
        stop = match.start(1) if match[1] is not None else match.start(2)
        if match[0][0] == "." and not _ends(
            text[max(start, match.start() - 30) : match.start()], text, match.end()
        ):
            continue
        yield stop, match.end()


def _ends(before: str, text: str, following: int) -> bool:
    found = _LAST_WORD.search(before)
    word = found[0] if found else ""
    if text[following].islower():
        return False
    # `3. Mai`, `J. Doe`, `z.B. Der` and `e.g. The` go on.
    if word.isdigit() and len(word) <= 2:
        return False
    return (
        not (len(word) == 1 and word.isalpha()) and "." not in word and word.casefold() not in _ABBREVIATIONS
    )
