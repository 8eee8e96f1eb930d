"""What speaks for two identities being one person, and how strongly."""

from collections.abc import Callable
from dataclasses import dataclass

from memory.people.addresses import numbered_twins, spells
from memory.people.likeness import Likeness, firsts_contradict, handles, is_full, likeness, middles_contradict
from memory.people.profile import Profile
from memory.people.surnames import Rarity

ENOUGH = 4.0
"""Points that join two identities; measured on mails and on the authors of proposals, see bench/README.md."""

Bearers = Callable[[str], Rarity]
"""How rare a surname is in this memory."""

_NAME = {
    Likeness.SAME: (2.0, "same_name"),
    Likeness.FULLER: (1.8, "middle_name"),
    Likeness.SHORT_FORM: (1.3, "short_form"),
    Likeness.LONGER_SURNAME: (1.2, "longer_surname"),
    Likeness.HANDLE: (1.0, "handle"),
    Likeness.INITIAL: (0.5, "initial"),
}
_ONLY_BEARER = {Likeness.SAME: 3.0, Likeness.FULLER: 2.0, Likeness.SHORT_FORM: 1.5}
_SURNAME = {Rarity.RARE: 1.5, Rarity.ORDINARY: 0.5, Rarity.COMMON: -1.0}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for or against joining two identities.

    :param code: what it is, for instance ``same_name``; pages have words for each.
    :param points: how much it says; negative speaks against.
    :param value: the name it is about.
    """

    code: str
    points: float
    value: str = ""


@dataclass(frozen=True, slots=True)
class Alike:
    """How the names of two profiles agree best, and in which names."""

    likeness: Likeness
    one: str = ""
    other: str = ""


def compare(one: Profile, other: Profile) -> Alike:
    """The best agreement between any two of their names."""
    best = Alike(Likeness.NONE)
    for a in one.names:
        for b in other.names:
            alike = likeness(a, b)
            if best.likeness < alike:
                best = Alike(alike, a, b)
                if alike is Likeness.SAME and is_full(a):
                    return best
    if best.likeness < Likeness.HANDLE and (spelt := _handle(one, other) or _handle(other, one)):
        return Alike(Likeness.HANDLE, spelt, spelt)
    return best


def alike(one: Profile, other: Profile) -> bool:
    """Whether two are worth comparing: their names agree in more than a first name or a surname."""
    return compare(one, other).likeness > Likeness.PART


def contradict(one: Profile, other: Profile) -> bool:
    """Whether their names show that they are two people."""
    agreed = False
    differ = False
    for a in one.names:
        for b in other.names:
            if middles_contradict(a, b):
                return True
            differ = differ or firsts_contradict(a, b)
            agreed = agreed or (is_full(a) and likeness(a, b) > Likeness.LONGER_SURNAME)
    return differ and not agreed


def weigh(one: Profile, other: Profile, alike: Alike, bearers: Bearers, *, rivals: bool) -> list[Evidence]:
    """Every reason for and against; their sum is the score.

    :param rivals: whether somebody else fits one of them as well.
    """
    points, code = _NAME[alike.likeness]
    found = [Evidence(code, points, max(alike.one, alike.other, key=lambda key: (len(key), key)))]
    if alike.likeness is Likeness.SAME and len(alike.one.split()) > 2:
        found.append(Evidence("same_middle_name", 1.3))
    rare = _surname(alike, bearers)
    found.append(Evidence(f"{rare.value}_surname", _SURNAME[rare]))
    found += _alone(one, other, alike, rivals=rivals)
    found += _together(one, other, rare)
    found += _addressed(one, other, alike)
    return [reason for reason in found if reason.points]


def supported(one: Profile, other: Profile, reasons: list[Evidence]) -> bool:
    """Whether more than the name speaks for it: two addresses of one name may be two people's."""
    if one.bare or other.bare:
        return True
    shared = {"signature", "same_domain", "same_thread", "same_document", "same_company"}
    return any(reason.code in shared for reason in reasons)


def _handle(one: Profile, other: Profile) -> str:
    """A full name of one that a one-word name of the other spells."""
    for key in one.names:
        if is_full(key) and handles(key) & other.words:
            return key
    return ""


def _surname(alike: Alike, bearers: Bearers) -> Rarity:
    full = [key for key in (alike.one, alike.other) if is_full(key)]
    if not full:
        return Rarity.COMMON
    return max((bearers(key.split()[-1]) for key in full), key=lambda rare: -_SURNAME[rare])


def _alone(one: Profile, other: Profile, alike: Alike, *, rivals: bool) -> list[Evidence]:
    """Whether anybody else may be meant; asked of names that come without an address."""
    if not (one.bare or other.bare):
        return []
    if rivals:
        return [Evidence("others_fit", -2.0)]
    if alike.likeness is Likeness.SAME and not is_full(alike.one):
        return []
    return [Evidence("only_bearer", _ONLY_BEARER.get(alike.likeness, 1.0))]


def _together(one: Profile, other: Profile, rare: Rarity) -> list[Evidence]:
    """Where both were met."""
    found = []
    documents = one.met("documents") & other.met("documents")
    apart = (one.met("sent") & other.met("received")) | (one.met("received") & other.met("sent"))
    apart |= one.met("received") & other.met("received")
    if (one.met("sent") & other.met("signed")) | (one.met("signed") & other.met("sent")):
        found.append(Evidence("signature", 3.0))
    elif apart and not (one.bare or other.bare):
        found.append(Evidence("write_to_each_other", -2.0 if rare is Rarity.COMMON else -0.5))
    elif documents - apart:
        found.append(Evidence("same_document", 3.0 if one.bare or other.bare else 1.5))
    elif one.met("threads") & other.met("threads"):
        found.append(Evidence("same_thread", 1.5))
    shared = one.company & other.company
    if shared:
        overlap = len(shared) / min(len(one.company), len(other.company))
        most = 1.2 if rare is Rarity.COMMON else 2.0
        found.append(
            Evidence("same_company", round(min(most, (2.0 if len(shared) > 1 else 1.0) * overlap), 3))
        )
    return found


def _addressed(one: Profile, other: Profile, alike: Alike) -> list[Evidence]:
    """What the addresses say."""
    found = []
    if one.domains & other.domains:
        found.append(Evidence("same_domain", 1.0))
    if any(numbered_twins(a, b) for a in one.addresses for b in other.addresses):
        found.append(Evidence("numbered_twins", -3.0))
    key = max((alike.one, alike.other), key=len)
    spelt = [any(spells(address, key) for address in each.addresses) for each in (one, other)]
    if all(spelt):
        found.append(Evidence("both_spelt", 0.7 if one.domains & other.domains else 0.4))
    elif any(spelt):
        found.append(Evidence("spelt", 0.3))
    return found
