import pytest

from search.names import language_codes, language_label, short_types


@pytest.mark.parametrize(
    ("name", "code"),
    [("german", "de"), ("Deutsch", "de"), ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("tysk", "de"), ("français", "fr"), ("Dansk", "da"), ("xx", "xx")],
)  # fmt: skip
def test_languages_go_by_many_names(name, code):
    assert language_codes(name) == (code,)


def test_one_name_may_mean_several_codes():
    assert set(language_codes("norwegian")) == {"nb", "nn", "no"}
    assert language_codes("klingon") == ()


def test_labels():
    assert [language_label(code) for code in ("de", "cs", "xx", "")] == ["German", "Czech", "xx", "Unknown"]


@pytest.mark.parametrize(
    ("name", "types"),
    [("PDF", ("pdf",)), ("word", ("word", "docx", "doc")), ("application/pdf", ("pdf",)), ("E-Mail", ("e-mail", "eml", "msg"))],
)  # fmt: skip
def test_types_go_by_family_and_media_type(name, types):
    assert short_types(name) == types
