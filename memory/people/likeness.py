"""How alike two names are, from their keys alone."""

from enum import Enum
from functools import lru_cache

from memory.people.names import PARTICLES, loose

_NICKNAMES = (
    "abigail abby", "albert al bert", "alexander alex sasha sandy", "alfred fred alf", "andrew andy drew", "andreas andi",
    "anthony tony", "antonio toni", "barbara barb babs", "benjamin ben benny", "bernard bernie", "catherine katherine kathryn kate katie kathy cathy",
    "charles charlie chuck", "christina christine tina chris", "christopher chris kit", "daniel dan danny", "david dave", "deborah debbie deb",
    "dennis denny", "donald don", "dorothy dot", "douglas doug", "edward ed eddie ted ned", "elizabeth liz beth betty lisa", "ernest ernie",
    "eugene gene", "francis frank", "franklin frank", "frederick fred freddy", "friedrich fritz", "gabriel gabe", "george georgie", "gerald gerry jerry",
    "gregory greg", "hans johannes johann", "harold harry hal", "henry harry hank", "hans-peter hape", "jacob jake", "jakob jake", "james jim jimmy jamie",
    "jeffrey jeff", "jennifer jen jenny", "jessica jess", "john jack johnny", "jonathan jon", "josef sepp", "joseph joe joey", "joshua josh",
    "judith judy", "karl-heinz kalle", "kenneth ken kenny", "lawrence larry", "leonard len lenny", "louis lou", "ludwig lutz", "margaret maggie meg peggy",
    "margarethe grete", "martin marty", "matthew matt", "matthias matze", "michael mike mick micky", "nathaniel nathan nate", "nicholas nick",
    "niels nils", "nikolaus klaus", "pamela pam", "patricia pat patty", "patrick pat", "peter pete", "philip phil", "philipp phil", "raymond ray",
    "rebecca becky", "richard rick rich dick ricky", "robert bob rob bobby robbie bert", "ronald ron ronnie", "rudolf rudi", "samantha sam",
    "samuel sam", "sebastian basti seb", "stanley stan", "stephen steve steven", "steven steve", "stephan stefan", "susan sue suzanne susie",
    "theodore ted theo", "thomas tom tommy", "timothy tim", "victoria vicky", "vincent vince vinnie", "walter walt", "wilhelm willi", "william bill will billy liam",
)  # fmt: skip
_SHORT: dict[str, frozenset[int]] = {}
for _number, _names in enumerate(_NICKNAMES):
    for _name in map(loose, _names.split()):
        _SHORT[_name] = _SHORT.get(_name, frozenset()) | {_number}


class Likeness(Enum):
    """How two names agree, from most to least; the value orders them."""

    SAME = 7
    """Word for word, whatever the order and the spelling of umlauts."""
    FULLER = 6
    """One has a middle name or initial more."""
    SHORT_FORM = 5
    """Mike for Michael, or Chris for Christopher."""
    LONGER_SURNAME = 4
    """One has a second surname more."""
    HANDLE = 3
    """One word that spells the other name: ``jdoe``, ``janedoe``."""
    INITIAL = 2
    """J. Doe for Jane Doe."""
    PART = 1
    """Only a first name or only a surname."""
    NONE = 0
    """They do not agree."""

    def __lt__(self, other: "Likeness") -> bool:
        return self.value < other.value

    def __le__(self, other: "Likeness") -> bool:
        return self.value <= other.value


@lru_cache(maxsize=200_000)
def likeness(one: str, other: str) -> Likeness:
    """How alike two name keys are; the order of the two does not matter."""
    if not one or not other:
        return Likeness.NONE
    if one == other:
        return Likeness.SAME
    a, b = sorted((loose(one).split(), loose(other).split()), key=lambda words: (len(words), words))
    if "".join(a) == "".join(b) or sorted(a) == sorted(b):
        return Likeness.SAME
    if len(a) == 1:
        return _one_word(a[0], b, max(one, other, key=lambda key: len(key.split())))
    return _of_full(a, b)


def middles_contradict(one: str, other: str) -> bool:
    """Whether two names differ only in the middle, so that they are two people's: John A. and John B. Smith."""
    a, b = loose(one).split(), loose(other).split()
    return _full_alike(a, b) and a[0] == b[0] and not _middles_agree(a[1:-1], b[1:-1])


def firsts_contradict(one: str, other: str) -> bool:
    """Whether two names of one surname have first names that cannot be the same: Jane and Max Roe."""
    a, b = loose(one).split(), loose(other).split()
    return _full_alike(a, b) and sorted(a) != sorted(b) and not _first_agree(a[0], b[0])


def _full_alike(a: list[str], b: list[str]) -> bool:
    return len(a) > 1 and len(b) > 1 and a[-1] == b[-1]


@lru_cache(maxsize=100_000)
def handles(key: str) -> frozenset[str]:
    """The one-word names somebody may go by, umlauts made one: ``jdoe``, ``doej``, ``janedoe``, ``doejane``, ``janed``."""
    words = key.split()
    if len(words) < 2:
        return frozenset()
    first, last = words[0], words[-1]
    spelt = {first[0] + last, last + first[0], first + last, last + first, first + last[0], "".join(words)}
    spelt |= {"".join(word[0] for word in words[:-1]) + last, first[0] + "".join(words[1:])}
    return frozenset(loose(word) for word in spelt if len(word) >= 4)


def short_forms(first: str) -> frozenset[int]:
    """The families of first names that a name is a short or long form in, as numbers."""
    return _SHORT.get(first, frozenset())


def is_full(key: str) -> bool:
    """Whether a key has a first name, written out, and a surname."""
    words = [word for word in key.split() if word not in PARTICLES]
    return len(words) >= 2 and len(words[0]) > 1 and len(words[-1]) > 1


def _one_word(word: str, full: list[str], key: str) -> Likeness:
    if len(full) > 1 and word in handles(key):
        return Likeness.HANDLE
    if len(full) > 1 and len(word) > 2 and word in {full[0], full[-1]}:
        return Likeness.PART
    return Likeness.NONE


def _of_full(a: list[str], b: list[str]) -> Likeness:
    """Two names of two words and more, the shorter first."""
    if a[-1] == b[-1] and _middles_agree(a[1:-1], b[1:-1]):
        if a[0] == b[0]:
            return Likeness.FULLER
        if len(a[0]) > 1 and len(b[0]) > 1 and _first_agree(a[0], b[0]):
            return Likeness.SHORT_FORM
        if 1 in {len(a[0]), len(b[0])} and a[0][0] == b[0][0]:
            return Likeness.INITIAL
    if len(a[0]) > 1 and a[0] == b[0] and len(b) > len(a) and a == b[: len(a)] and len(a[-1]) > 2:
        return Likeness.LONGER_SURNAME
    return Likeness.NONE


def _first_agree(one: str, other: str) -> bool:
    if one == other or (1 in {len(one), len(other)} and one[0] == other[0]):
        return True
    families = _SHORT.get(one, frozenset()), _SHORT.get(other, frozenset())
    if all(families):
        return bool(families[0] & families[1])
    # Max for Maximilian; Martin and Martina, Paul and Pauline are two.
    short, long = sorted((one, other), key=len)
    return 3 <= len(short) <= 4 and len(long) - len(short) >= 4 and long.startswith(short)


def _middles_agree(one: list[str], other: list[str]) -> bool:
    """Whether the middle names of one may be those of the other: none, initials, or the same."""
    few, many = sorted(
        ([w for w in one if w not in PARTICLES], [w for w in other if w not in PARTICLES]), key=len
    )
    at = 0
    for word in few:
        while at < len(many) and not (
            many[at] == word or (many[at][0] == word[0] and 1 in {len(word), len(many[at])})
        ):
            at += 1
        if at == len(many):
            return False
        at += 1
    return True
