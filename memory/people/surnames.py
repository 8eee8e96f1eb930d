"""Surnames that so many people bear that bearing one tells little, and how rare the others are in a memory."""

from enum import Enum

from memory.people.names import loose

_COMMON = (
    # Placeholders first: nobody is really called that, and everybody in an example is.
    "doe roe bloggs mustermann musterfrau public example "
    "smith jones taylor brown williams wilson johnson davies davis robinson wright thompson evans walker white roberts green hall wood jackson clarke "
    "clark harris lewis martin cooper king lee baker hill moore scott allen young adams nelson carter mitchell campbell phillips parker edwards collins "
    "stewart morris murphy cook rogers morgan peterson bell bailey kelly howard ward cox richardson watson brooks wood james bennett gray hughes price "
    "myers long foster sanders ross anderson thomas miller rodriguez martinez hernandez lopez gonzalez garcia perez sanchez ramirez torres flores rivera "
    "gomez diaz reyes cruz morales ortiz gutierrez ramos ruiz fernandez alvarez jimenez moreno romero "
    "mueller schmidt schneider fischer weber meyer meier mayer maier wagner becker schulz hoffmann hofmann schaefer koch bauer richter klein wolf "
    "schroeder neumann schwarz zimmermann braun krueger hartmann lange schmitt werner krause lehmann schmid schulze kaiser fuchs peters scholz lang "
    "weiss jung hahn vogel friedrich keller guenther frank berger winkler roth beck lorenz baumann franke albrecht schuster simon ludwig winter kraus "
    "bernard dubois durand dupont moreau laurent petit leroy roux david bertrand morel fournier girard bonnet lambert fontaine rousseau vincent muller "
    "lefebvre lefevre faure andre mercier blanc guerin boyer garnier chevalier francois legrand gauthier perrin robin clement morin nicolas henry roussel mathieu "
    "nielsen jensen hansen pedersen andersen christensen larsen soerensen rasmussen joergensen petersen madsen kristensen olsen thomsen christiansen poulsen "
    "johansen moeller mortensen knudsen jakobsen jacobsen mikkelsen olesen frederiksen laursen henriksen lund holm schou schultz andersson johansson karlsson "
    "nilsson eriksson larsson olsson persson svensson gustafsson berg haugen hagen johannessen bakker jansen janssen devries visser smit meijer mulder "
    "rossi russo ferrari esposito bianchi romano colombo ricci marino greco silva santos oliveira souza pereira costa ferreira alves lima gomes ribeiro "
    "nowak kowalski kowalska wisniewski novak horvat nagy toth ivanov petrov smirnov kuznetsov popov "
    "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo kim park choi jung cho kang yoon jang lim tanaka suzuki sato "
    "takahashi watanabe ito yamamoto nakamura kobayashi kato nguyen tran le pham hoang phan vu singh kumar sharma patel gupta khan ali ahmed shah das "
    "reddy rao hussain islam yilmaz kaya demir celik sahin yildiz mohamed hassan ibrahim cohen levy"
)  # fmt: skip
_KNOWN_COMMON = frozenset(loose(name) for name in _COMMON.split())

RARE_UP_TO = 3
"""First letters of first names: bearers of a rare surname are hardly more than a family."""

COMMON_FROM = 8
"""As many different first letters as only a common surname has in one memory."""


class Rarity(Enum):
    """How much bearing the same surname says."""

    RARE = "rare"
    ORDINARY = "ordinary"
    COMMON = "common"


def rarity(surname: str, bearers: int) -> Rarity:
    """How rare a surname is.

    :param bearers: how many first letters of first names it is found with in this memory.
    """
    if is_common(surname) or bearers >= COMMON_FROM:
        return Rarity.COMMON
    return Rarity.RARE if bearers <= RARE_UP_TO else Rarity.ORDINARY


def is_common(surname: str) -> bool:
    """Whether a surname is common whoever bears it here."""
    return loose(surname) in _KNOWN_COMMON
