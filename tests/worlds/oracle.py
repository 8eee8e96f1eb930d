"""What everybody may see, said once more in a few lines that share nothing with the memory."""

from tests.worlds.world import Paper, Person, Search, World


def held(world: World, person: Person) -> set[str]:
    """Everything somebody holds: what everybody does, their own token, and their groups up to the last."""
    tokens, above = {"public", f"person:{person.address}"}, list(person.groups)
    while above:
        group = above.pop()
        if f"group:{group}" not in tokens:
            tokens.add(f"group:{group}")
            above += world.within[group]
    return tokens


def may_see(world: World, person: Person, paper: Paper) -> bool:
    """Whether somebody may see a document: deny wins, and what nothing grants is nobody's."""
    grant = paper.grant if paper.grant or paper.deny else world.sources[paper.source]
    tokens = held(world, person)
    return bool(tokens & grant) and not tokens & paper.deny


def seen(world: World, person: Person) -> list[Paper]:
    """All that somebody may see."""
    return [paper for paper in world.papers.values() if may_see(world, person, paper)]


def fits(paper: Paper, search: Search, *, by_words: bool) -> bool:
    """Whether a search finds a document; by meaning, words keep nothing out that the filters let in."""
    pairs = list(zip(paper.words, paper.words[1:], strict=False))
    return (
        (
            not by_words
            or not search.words + search.phrase
            or bool({*search.words, *search.phrase} & {*paper.words})
        )
        and (not search.phrase or search.phrase in pairs)
        and search.without not in paper.words
        and search.source in {"", paper.source}
        and search.author in {None, paper.author}
        and search.year in {0, 2023 + (paper.day >= 365)}
    )


def conversation(world: World, person: Person, mail: Paper) -> set[str]:
    """The messages of a conversation that somebody may see, by Message-ID: what references join, hidden ones too."""
    joined, grown = {mail.message}, True
    while grown:
        links = [{paper.message, *paper.answers} for paper in world.papers.values() if paper.message]
        wider = joined.union(*(link for link in links if link & joined))
        joined, grown = wider, wider != joined
    return {paper.message for paper in seen(world, person) if paper.message in joined}
