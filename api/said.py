"""Sentences that the service says in English and the pages show in the reader's language.

They are written where they are said, in layers that know nothing of languages; here they stand once more for
the catalogues. ``{name}`` stands for whatever is said there. A test finds each of them in the code.
"""

from api.wording import msg

SAID = (
    # What went wrong (api/problems.py and where errors are raised)
    msg("A setting cannot work"),
    msg("This cannot be understood"),
    msg("This search cannot be understood"),
    msg("Not found"),
    msg("Not allowed"),
    msg("The source cannot be read"),
    msg("The connector is not installed"),
    msg("The file cannot be read"),
    msg("The memory is in use"),
    msg("The catalogue cannot be used"),
    msg("The index cannot be used"),
    msg("The index was made by another model"),
    msg("The embedding model cannot be loaded"),
    msg("The disk is full"),
    msg("Something went wrong"),
    msg("There is nothing at this address."),
    msg("Something went wrong here."),
    msg("The log says more."),
    msg("Only the owner of this memory may do that."),
    msg("There is no such document, or you may not see it."),
    msg("There is no such person, or you may not see them."),
    msg("Give the person's full e-mail address."),
    msg("There is no source named {name}."),
    msg("Known sources: {known}."),
    msg("A sync is running already."),
    msg("A sync is running."),
    msg("Wait for it, or stop it first."),
    # Searches that cannot be understood (search/query.py, search/dates.py)
    msg("There is nothing to search for."),
    msg('Write some words, an "exact phrase", or a filter such as author:jane or type:pdf.'),
    msg("There is no filter {field}:."),
    msg('The filters are {known}. To find the text itself, write "{field}" in quotation marks.'),
    msg("The filter {field}: has no value."),
    msg("{value} is no day."),
    msg("Write it as in 2024, 2024-03 or 2024-03-15."),
    msg("A filter cannot be excluded: {field}"),
    msg("Leave the minus out, or exclude a word."),
    msg("Search for the few sentences that matter."),
    # Notes on an answer (search/components)
    msg("Every word of this search is too common to be looked for: add one that says more."),
    msg("Nobody known as {value} has written anything you may see."),
    msg("No language is known as {value}."),
    # Reasons in the ledger (ingest, connectors)
    msg("empty file"),
    msg("no text in it"),
    msg("no text"),
    msg("no text layer, needs OCR"),
    msg("encrypted: needs a password"),
    msg("out of memory"),
    msg("the parser stopped answering"),
    msg("no parser for {media_type}"),
    msg("larger than {size} MB"),
    msg("no permission to read"),
)
