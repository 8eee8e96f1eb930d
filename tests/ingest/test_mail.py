"""Mail as it really is: names, threads, quotations, attachments, and what is broken about it."""

import mailbox
from email.message import EmailMessage
from pathlib import Path

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import SourceConfig, Upserted
from connectors.mailbox import Mailbox
from ingest.parsers import registry
from ingest.parsers.addresses import header_text, identities
from ingest.parsers.base import Aside, Parsed
from ingest.parsers.mail import ENCRYPTED, MailParser, topic_of
from ingest.parsers.replies import stretches
from ingest.parsers.wire import parsed_from_json, parsed_to_json
from ingest.split import asides, split
from memory.domain import Role
from memory.errors import ParseError
from tests.attachments import pdf

CORPUS = Path(__file__).parents[3] / "shared" / "corpora"


def parse(text: str | bytes) -> Parsed:
    data = text.encode() if isinstance(text, str) else text
    parsed = MailParser().parse(data, name="message.eml", media_type="message/rfc822")
    assert parsed_from_json(parsed_to_json(parsed)) == parsed
    return parsed


def own(parsed: Parsed) -> str:
    return "\n".join(element.text for element in parsed.elements if element.aside is None)


def apart(parsed: Parsed, kind: Aside) -> str:
    return "\n".join(element.text for element in parsed.elements if element.aside is kind)


@pytest.mark.parametrize(
    ("header", "people"),
    [
        ('"Doe, Jane" <jane@x.example>', [("Doe, Jane", "jane@x.example")]),
        ("=?utf-8?q?J=C3=BCrgen?= <j@x.example>", [("Jürgen", "j@x.example")]),
        ("=?utf-8?q?J=C3=BCrgen?=\r\n =?utf-8?q?_M=C3=BCller?= <j@x.example>", [("Jürgen Müller", "j@x.example")]),
        ("=?utf-8?q?Doe=2C_Jane?= <j@x.example>, b@x.example", [("Doe, Jane", "j@x.example"), ("", "b@x.example")]),
        ('"=?utf-8?q?J=C3=BCrgen?=" <j@x.example>', [("Jürgen", "j@x.example")]),
        ("=?utf-8?q?J=C3=BCrgen M?= <j@x.example>", [("Jürgen M", "j@x.example")]),
        ("=?nonsense?q?J=FCrgen?= <j@x.example>", [("Jürgen", "j@x.example")]),
        ("J\udcfcrgen <J@X.example>", [("Jürgen", "j@x.example")]),
        ("jane at x.example (Jane Doe)", [("Jane Doe", "jane@x.example")]),
        ("jane at x.example (jane at x.example)", [("", "jane@x.example")]),
        ("jane at x.example (=?utf-8?q?J=C3=BCrgen?=)", [("Jürgen", "jane@x.example")]),
        ("Desk at x.example <desk@x.example>", [("Desk at x.example", "desk@x.example")]),
        ("The desk at x.example (Bo)", [("The desk at x.example (Bo)", "")]),
        ("Board: a@x.example, Bo <b@x.example>;", [("", "a@x.example"), ("Bo", "b@x.example")]),
        ("undisclosed-recipients:;", []),
        ("Jane Doe", [("Jane Doe", "")]),
        ("jane@x.example <jane@x.example>", [("", "jane@x.example")]),
        ("<>", []),
    ],
)  # fmt: skip
def test_names_and_addresses(header: str, people: list[tuple[str, str]]) -> None:
    assert [(each.name, each.address) for each in identities(header)] == people


def test_a_subject_is_read_as_it_was_meant() -> None:
    assert header_text("=?utf-8?b?R3LDvMOfZQ==?=\n =?utf-8?q?_aus_K=C3=B6ln?=") == "Grüße aus Köln"
    assert topic_of("AW: Re[2]: [legal] Fwd: Der  Vertrag") == ("der vertrag", True)
    assert topic_of("Renewal") == ("renewal", False)


@pytest.mark.parametrize(
    ("language", "own_words", "signature", "quotation"),
    [
        ("en", "Thanks, got it. The lease ends in March.", "Best regards,\nJane", "On 3 Mar 2025, Bo <b@x.example> wrote:\n> When?"),
        ("de", "Das passt so.", "Mit freundlichen Grüßen\nJürgen", "Von: Bo\nGesendet: Montag\nAn: Jürgen\nBetreff: Miete\n\nPasst das?"),
        ("da", "Tag kontakt i morgen.", "Med venlig hilsen\nJens", "Den 3. mar. 2025 kl. 10.00 skrev Bo <b@x.example>:\n> Hvornår?"),
        ("fr", "Voici le contrat.", "Cordialement,\nClaire", "Le 3 mars 2025 à 10:00, Bo <b@x.example> a écrit :\n> Où est-il ?"),
    ],
)  # fmt: skip
def test_own_words_stand_apart(language: str, own_words: str, signature: str, quotation: str) -> None:
    found = stretches(f"{own_words}\n\n{signature}\n\n{quotation}\n", language)
    assert [(each.text.strip(), each.aside) for each in found] == [
        (own_words, None),
        (signature, Aside.SIGNATURE),
        (quotation, Aside.QUOTED),
    ]


def test_a_signature_says_who_the_sender_is() -> None:
    """The name below, and addresses that spell it; a colleague's, an office's and a list's say nothing."""
    text = (
        "From: jdoe@x.example\nTo: bo@x.example\nSubject: Lease\n\nIt ends in March.\n\n-- \nJane Doe\nLegal\n"
        "jane.doe@home.example, legal@x.example\nAssistant: kim.coe@x.example\n"
    )
    people = [(each.person.name, each.person.address, each.role) for each in parse(text).contributions]
    assert people == [
        ("Jane Doe", "jdoe@x.example", Role.SENDER),
        ("", "bo@x.example", Role.RECIPIENT),
        ("Jane Doe", "jane.doe@home.example", Role.MENTIONED),
    ]
    foreign = parse(text.replace("jdoe@x.example", "bo@y.example"))
    assert [each.person.address for each in foreign.contributions] == ["bo@y.example", "bo@x.example"]


def test_a_quotation_is_kept_and_not_searched_where_its_message_is_known() -> None:
    body = "Yes, two years.\n\nOn Monday, Bo wrote:\n> Is the term two years?\n> \n> Bo\n"
    head = "From: Jane <j@x.example>\nSubject: Re: Term\nMessage-ID: <2@x>\n"
    parsed = parse(f"{head}In-Reply-To: <1@x>\n\n{body}")
    assert own(parsed) == "Yes, two years."
    assert "two years?" in apart(parsed, Aside.QUOTED)
    text, pieces = split(parsed)
    assert [piece.text for piece in pieces] == ["Yes, two years."]
    assert {piece.location.message for piece in pieces} == {"2@x"}
    assert [text[start:end] for start, end, _ in asides(parsed)] == [apart(parsed, Aside.QUOTED)]
    assert "two years?" in own(parse(f"{head}\n{body}")), "it names no message: this may be the only record"
    forwarded = head.replace("Re: Term", "Fwd: Term")
    assert "two years?" in own(parse(f"{forwarded}References: <1@x>\n\n{body}"))


def test_html_bodies_are_divided_too() -> None:
    message = EmailMessage()
    message["From"], message["In-Reply-To"] = "Jane <j@x.example>", "<1@x>"
    message.set_content(
        "<p>We sign on <b>Friday</b>.</p><p>Best regards,<br>Jane Doe</p><div class='gmail_quote'>On Monday, Bo wrote:"
        "<blockquote>Shall we sign?</blockquote></div>",
        subtype="html",
    )
    parsed = parse(message.as_bytes())
    assert own(parsed) == "We sign on Friday."
    assert "Jane Doe" in apart(parsed, Aside.SIGNATURE)
    assert "Shall we sign?" in apart(parsed, Aside.QUOTED)


def test_what_is_attached_and_inline() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Jane <j@x.example>", "Bo <b@x.example>", "Offer"
    message.set_content("See the offer.")
    message.add_alternative("<p>See the offer.</p><img src='cid:logo'>", subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG\r\n", "image", "png", cid="<logo>")  # type: ignore[union-attr]
    message.add_attachment(
        pdf("The offer"), "application", "pdf", filename="Angebot für Müller.pdf", disposition="inline"
    )
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "Eve <e@x.example>", "The first question"
    inner.set_content("How much?")
    message.add_attachment(inner)
    parsed = parse(message.as_bytes())
    assert own(parsed) == "See the offer."
    assert [(each.name, each.media_type) for each in parsed.attachments] == [
        ("Angebot für Müller.pdf", "application/pdf"),
        ("The first question.eml", "message/rfc822"),
    ]
    assert own(parse(parsed.attachments[1].data)) == "How much?"
    assert {(part.person.name, part.role) for part in parsed.contributions} == {
        ("Jane", Role.SENDER),
        ("Bo", Role.RECIPIENT),
    }


def test_an_invitation_says_what_when_where_and_who() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "Jane <j@x.example>", "Invitation"
    message.set_content("Please come.")
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//x//EN\nBEGIN:VEVENT\nUID:1\nSUMMARY:Board meeting\n"
        "DTSTART:20260312T090000Z\nDTEND:20260312T100000Z\nLOCATION:Room 4\nORGANIZER;CN=Jane Doe:mailto:j@x.example\n"
        "ATTENDEE;CN=Bo:mailto:b@x.example\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    message.add_alternative(calendar, subtype="calendar")
    parsed = parse(message.as_bytes())
    assert "Board meeting\n2026-03-12 09:00 UTC – 2026-03-12 10:00 UTC\nRoom 4" in own(parsed)
    assert ("b@x.example", Role.RECIPIENT) in {
        (part.person.address, part.role) for part in parsed.contributions
    }


def test_mail_that_lacks_everything_is_mail() -> None:
    bare = parse("X-Origin: somewhere\nSubject: Hello\n\n")
    assert (bare.title, own(bare), bare.created, bare.contributions) == ("Hello", "Hello", None, ())
    assert bare.message is not None
    assert bare.message.id == ""
    received = parse(
        "Received: by x; Mon, 3 Mar 2025 10:00:00 +0100\nDate: yesterday\nFrom: a@x.example\n\nText\n"
    )
    assert str(received.created) == "2025-03-03 09:00:00+00:00"
    wrong = parse(b"From: a@x.example\nContent-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe aus K\xf6ln\n")
    assert own(wrong) == "Grüße aus Köln"


@pytest.mark.parametrize(
    "message",
    [
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n--b\n\nx\n--b--\n',
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nAAAA\n",
        "Content-Type: text/plain\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n",
    ],
)
def test_encrypted_mail_says_so(message: str) -> None:
    with pytest.raises(ParseError, match=ENCRYPTED):
        parse(f"From: a@x.example\nSubject: Secret\nMIME-Version: 1.0\n{message}")


def test_the_same_message_comes_out_the_same_from_anywhere(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"] = '"Doe, Jane" <jane@x.example>', "Bo <b@x.example>"
    message["Subject"], message["Message-ID"], message["References"] = (
        "Offer",
        "<2@x.example>",
        "<1@x.example>",
    )
    message["Date"] = "Mon, 3 Mar 2025 10:00:00 +0100"
    message.set_content("From now on it costs 5.\n\nFrom: is a word.\n")
    message.add_attachment(pdf("The offer"), "application", "pdf", filename="offer.pdf")
    (tmp_path / "eml").mkdir()
    (tmp_path / "eml" / "a.eml").write_bytes(message.as_bytes().replace(b"\n", b"\r\n"))
    for made in (mailbox.mbox(tmp_path / "all.mbox"), mailbox.Maildir(tmp_path / "maildir")):
        made.add(message)
        made.close()
    found = []
    for place in ("eml", "all.mbox", "maildir"):
        source = Mailbox(SourceConfig("mail", str(tmp_path / place)))
        [listed] = [each for each in source.changes(None) if isinstance(each, Upserted)]
        content = source.fetch(listed.ref)
        found.append(
            (str(listed.ref), registry.read(content.read(), name=content.name, media_type=content.media_type))
        )
    assert found[0] == found[1] == found[2]
    assert found[0][0] == "mailbox:mail/2@x.example"
    assert "From now on" in own(found[0][1])


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(["", "From: a@x.example\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"]),
)
def test_any_bytes_are_mail_or_are_refused(data: bytes, front: str) -> None:
    try:
        parsed = MailParser().parse(front.encode() + data, name="x.eml", media_type="message/rfc822")
    except ParseError:
        return
    canonical, pieces = split(parsed)
    assert bool(pieces) == bool(parsed.elements)
    assert parsed.elements or parsed.attachments or parsed.empty_reason
    assert all(canonical[piece.location.start : piece.location.end] == piece.text for piece in pieces)


@pytest.mark.corpora
def test_real_mail_is_read() -> None:
    if not (CORPUS / "mail").is_dir():
        pytest.skip("the shared corpora are not beside the checkout")
    source = Mailbox(SourceConfig("mail", str(CORPUS / "mail")))
    listed = [each for each in source.changes(None) if isinstance(each, Upserted)]
    assert len(listed) == 3806
    answers = quoted = 0
    for each in listed[::40]:
        content = source.fetch(each.ref)
        parsed = parse(content.read())
        assert parsed.elements
        assert parsed.created is not None
        assert any(part.role is Role.SENDER and part.person.address for part in parsed.contributions)
        answers += bool(parsed.message and parsed.message.references)
        quoted += bool(apart(parsed, Aside.QUOTED))
    assert 20 < quoted <= answers


@pytest.mark.corpora
def test_a_saved_message_with_long_references_joins_its_conversation(corpora: Path) -> None:
    saved = (corpora / "parsing" / "tika" / "testMSG.msg").read_bytes()
    with olefile.OleFileIO(saved) as file:
        header = file.openstream("__substg1.0_007D001E").read()
    assert saved.count(header) == 1
    known = [f"AM0PR01MB{n:04d}{'F' * 70}@AM0PR01MB{n:04d}.prod.exchange.example" for n in range(12)]
    stated = "Message-ID: <own@x.example>\r\nReferences: " + "\r\n ".join(f"<{each}>" for each in known)
    longer = saved.replace(header, f"{stated}\r\nX-Filled: ".encode().ljust(len(header), b"x"))
    assert len(longer) == len(saved)
    parsed = registry.read(longer, name="message.msg")
    assert parsed.message
    assert (parsed.message.id, parsed.message.references) == ("own@x.example", tuple(known))
