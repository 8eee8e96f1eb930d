"""The connector of sites against a real Apache: sitemaps, links, robots.txt, conditional requests, and whom it asks."""

import gzip
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Change, Checkpoint, Connector, Coverage, SourceConfig, Upserted
from connectors.http_settings import web_of
from connectors.internet_address import certificates
from connectors.site.addresses import Scope, normal
from connectors.site.connector import Site
from connectors.site.guard import PublicOnly, is_public
from connectors.site.sitemap import read_sitemap
from memory.domain import Failed, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.apache import PAGES, Apache, apache
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire


@pytest.fixture(scope="module")
def server() -> Iterator[Apache]:
    with apache(PAGES) as started:
        yield started


class Place:
    """A site that is one test's alone, reached by a wire that can be cut."""

    def __init__(self, server: Apache, state: Path) -> None:
        self.path = server.files
        self.log = server.place / "log"
        self.wire = Wire(server.port)
        self.config = SourceConfig(
            "intranet",
            f"http://127.0.0.1:{self.wire.port}/",
            options=(("networks", "127.0.0.1"),),
            state=state,
        )
        self.opened = ExitStack()
        self.opened.callback(self.wire.close)

    def open(self, config: SourceConfig | None = None, **options: str) -> Site:
        given = config or self.config
        made = Site(replace(given, options=(*given.options, *options.items())))
        self.opened.callback(made.close)
        return made

    def put(self, key: str, body: str | bytes) -> Path:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    def url(self, key: str) -> str:
        return f"{self.config.location}{key}"

    def sitemap(self, **changed: str) -> None:
        """A sitemap of all files that are pages, and when they changed."""
        keys = sorted(str(each.relative_to(self.path)) for each in self.path.rglob("*") if each.is_file())
        entries = [
            f"<url><loc>{self.url(key)}</loc>{f'<lastmod>{changed[key]}</lastmod>' if key in changed else ''}</url>"
            for key in keys
            if not key.startswith((".", "robots", "sitemap"))
        ]
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        self.put("sitemap.xml", f'<?xml version="1.0"?><urlset xmlns="{space}">{"".join(entries)}</urlset>')

    def asked(self, site: Site) -> tuple[list[Change], list[str]]:
        """What a walk yields, and the addresses that it asked for."""
        asked: list[str] = []
        ask = site._web.ask

        def noting(method: str, path: str, **more: object) -> object:
            answer = ask(method, path, **more)  # type: ignore[arg-type]
            asked.append(f"{path.removeprefix(self.config.location)} {answer.status}")
            return answer

        site._web.ask = noting  # type: ignore[method-assign, assignment]
        return list(site.changes(None)), asked


@pytest.fixture
def place(server: Apache, tmp_path: Path) -> Iterator[Place]:
    for each in server.files.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    made = Place(server, tmp_path / "state")
    with made.opened:
        yield made


def keys(changes: list[Change]) -> list[str]:
    return sorted(each.ref.key for each in changes if isinstance(each, Upserted))


def page(*links: str, head: str = "", text: str = "text") -> str:
    shown = "".join(f'<a href="{link}">there</a>' for link in links)
    return f"<html><head><title>Page</title>{head}</head><body>{text}{shown}</body></html>"


class TestSite(Synced):
    connector_class = Site
    has_folders = False
    has_fingerprints = False

    @pytest.fixture
    def config(self, place: Place) -> SourceConfig:
        self.place = place
        place.sitemap()
        return place.config

    def open(self, config: SourceConfig) -> Connector:
        return self.place.open(config)

    def add(self, key: str, body: bytes) -> None:
        self.place.put(key, body)
        self.place.sitemap()

    def change(self, key: str, body: bytes) -> None:
        self.place.put(key, body)

    def remove(self, key: str) -> None:
        (self.place.path / key).unlink()
        self.place.sitemap()

    def move(self, old: str, new: str) -> None:
        (self.place.path / old).rename(self.place.path / new)
        self.place.sitemap()

    def deny_reading(self, key: str) -> None:
        self.place.put(".htaccess", f'<Files "{key}">\nRequire all denied\n</Files>\n')

    def unreachable(self) -> None:
        self.place.wire.close()


def test_links_are_followed_where_there_is_no_sitemap(place: Place) -> None:
    place.put(
        "index.html", page("docs/", "/a.html#part", "mailto:jane@x.example", "http://elsewhere.invalid/")
    )
    place.put("a.html", page("index.html", "lost.html", "docs/%7Ejane.html?utm_source=mail"))
    place.put("docs/index.html", page("../a.html", "../b.txt"))
    place.put("docs/~jane.html", page())
    place.put("b.txt", "beech")
    place.put("nobody-leads-here.html", page())
    site = place.open()
    assert keys(list(site.changes(None))) == [
        ".",
        "a.html",
        "b.txt",
        "docs/.",
        "docs/~jane.html",
        "index.html",
    ]
    assert "no sitemap" in site.check()
    assert keys(list(place.open(links="no").changes(None))) != []  # they were met, and still answer
    assert keys(list(place.open(replace(place.config, state=None), depth="1").changes(None))) == [
        ".",
        "a.html",
        "docs/.",
    ]
    content = site.fetch(SourceRef("site", "intranet", "docs/."))
    assert (content.name, content.url) == ("docs.html", place.url("docs/"))


def test_one_changed_page_costs_one_request(place: Place) -> None:
    for number in range(20):
        place.put(f"{number}.html", page(text=str(number)))
    dates = {f"{number}.html": "2026-03-01" for number in range(20)}
    place.sitemap(**dates)
    before, _ = place.asked(place.open())
    place.put("7.html", page(text="seven"))
    place.sitemap(**dates | {"7.html": "2026-03-02"})
    after, asked = place.asked(place.open())
    assert asked == ["/sitemap.xml 200", "7.html 200"]
    changed = set(after) - set(before)
    assert [each.ref.key for each in changed if isinstance(each, Upserted)] == ["7.html"]
    place.sitemap()  # which says nothing of changes any more: the server is asked, and sends nothing
    again, asked = place.asked(place.open())
    assert again == after
    assert [each.rpartition(" ")[2] for each in asked[1:]] == ["304"] * 20


def test_what_wants_to_be_known_by_another_address_is_there_once(place: Place) -> None:
    place.put("a.html", page(head='<link rel="canonical" href="/b.html">'))
    place.put("b.html", page(head='<link rel="canonical" href="/b.html?utm_medium=x">'))
    place.put("one.html", page(head='<link rel="canonical" href="two.html">'))
    place.put("two.html", page(head='<link rel="canonical" href="one.html">'))
    place.put("lost.html", page(head='<link rel="canonical" href="gone.html">'))
    place.put("far.html", page(head='<link rel="canonical" href="https://elsewhere.invalid/far.html">'))
    place.put(
        ".htaccess", "Redirect 301 /old.html /b.html\nRedirect 302 /out.html https://elsewhere.invalid/\n"
    )
    place.put("old.html", "")
    place.put("out.html", "")
    place.sitemap()
    for _ in range(2):
        changes = list(place.open().changes(None))
        assert keys(changes) == ["b.html", "far.html", "lost.html", "two.html"]
        [failed] = [each for each in changes if isinstance(each, Failed)]
        assert failed.ref.key == "out.html"


def test_what_is_no_page_names_its_address_in_a_header(place: Place) -> None:
    place.put("a.txt", "text")
    place.put("b.txt", "text")
    place.put("index.html", page("a.txt", "b.txt"))
    place.put(".htaccess", '<Files "a.txt">\nHeader set Link "</b.txt>; rel=\\"canonical\\""\n</Files>\n')
    assert keys(list(place.open().changes(None))) == [".", "b.txt"]


def test_what_wants_not_to_be_found_is_not_there(place: Place) -> None:
    place.put("a.html", page("c.html", head='<meta name="robots" content="noindex">'))
    place.put("b.html", page("d.html", head='<meta name="robots" content="nofollow">'))
    place.put("c.html", page())
    place.put("d.html", page())
    place.put("e.txt", "text")
    place.put("f.html", page())
    place.put("index.html", page("a.html", "b.html", "e.txt", "f.html"))
    place.put(".htaccess", '<Files "e.txt">\nHeader set X-Robots-Tag noindex\n</Files>\n')
    place.put("robots.txt", "User-agent: *\nDisallow: /f.html\n")
    assert keys(list(place.open().changes(None))) == [".", "b.html", "c.html"]
    assert "f.html" in keys(list(place.open(robots="ignore").changes(None)))
    with pytest.raises(NotFound):
        place.open().fetch(SourceRef("site", "intranet", "a.html"))


def test_a_sitemap_may_be_packed_and_lead_to_others(place: Place) -> None:
    place.put("robots.txt", f"Sitemap: {place.url('maps.xml')}\n")
    place.put(
        "maps.xml", f"<sitemapindex><sitemap><loc>{place.url('one.xml.gz')}</loc></sitemap></sitemapindex>"
    )
    place.put(
        "one.xml.gz", gzip.compress(f"<urlset><url><loc>{place.url('a.html')}</loc></url></urlset>".encode())
    )
    place.put("a.html", page())
    changes = list(place.open().changes(None))
    assert keys(changes) == ["a.html"]
    assert changes[-1] == Checkpoint("")
    place.put("one.xml.gz", b"\x1f\x8b broken")
    changes = list(place.open().changes(None))
    assert keys(changes) == ["a.html"]
    assert isinstance(changes[-1], Checkpoint)
    assert changes[-1].doubt


def test_a_page_that_fails_is_a_failure_and_a_site_that_does_is_not_there(place: Place) -> None:
    for name in "abc":
        place.put(f"{name}.html", page())
    place.sitemap()
    list(place.open().changes(None))
    place.put(".htaccess", "RewriteEngine on\nRewriteRule ^b.html$ - [R=503,L]\n")
    changes = list(place.open().changes(None))
    assert keys(changes) == ["a.html", "c.html"]
    assert [(each.ref.key, each.retryable) for each in changes if isinstance(each, Failed)] == [
        ("b.html", True)
    ]
    place.put(".htaccess", "RewriteEngine on\nRewriteRule .* - [R=503,L]\n")
    with pytest.raises(SourceUnavailable):
        list(place.open().changes(None))


def test_a_limit_that_is_reached_takes_nothing_away(place: Place) -> None:
    for name in "abcd":
        place.put(f"{name}.html", page())
    place.sitemap()
    changes = list(place.open(pages="2").changes(None))
    assert len(keys(changes)) == 2
    assert "more than 2 pages" in changes[-1].doubt  # type: ignore[union-attr]


def test_damaged_notes_are_made_again(place: Place) -> None:
    place.put("a.html", page())
    place.sitemap()
    before = list(place.open().changes(None))
    assert place.config.state
    (place.config.state / "visited.db").write_bytes(b"SQLite format 3\0" + b"x" * 5_000)
    assert list(place.open().changes(None)) == before


def test_a_page_that_only_lost_notes_led_to_is_asked_for(place: Place) -> None:
    for name in ("a", "lost", "gone"):
        place.put(f"{name}.html", page())
    place.sitemap()
    before = place.open()
    assert keys(list(before.changes(None))) == ["a.html", "gone.html", "lost.html"]
    before.close()
    for each in Path(place.config.state or "").glob("visited*"):
        each.unlink()
    (place.path / "gone.html").unlink()
    lost = (place.path / "lost.html").rename(place.path / ".aside")
    place.sitemap()
    lost.rename(place.path / "lost.html")
    site = place.open()
    *found, last = site.changes(None)
    assert keys(found) == ["a.html"]
    assert isinstance(last, Checkpoint)
    assert last.doubts is not None
    assert "nothing leads there any more" in last.doubts("lost.html")
    assert [last.doubts(key) for key in ("gone.html", "a.html", "gone.html?x")] == ["", "", ""]
    assert keys(list(site.changes(None))) == ["a.html", "lost.html"]


def test_private_addresses_are_asked_only_where_they_are_allowed(place: Place) -> None:
    place.put("a.html", page())
    place.sitemap()
    shut = Site(replace(place.config, options=()))
    with pytest.raises(SourceError, match="no address of the public Internet") as raised:
        list(shut.changes(None))
    assert "--option networks=127.0.0.1" in raised.value.hint
    assert place.wire.made == 0
    assert keys(list(place.open().changes(None))) == ["a.html"]
    with pytest.raises(InvalidInput):
        Site(replace(place.config, options=(("networks", "intranet"),)))


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that means another address a moment later (DNS rebinding) leads nowhere else."""
    place.put("a.html", page())
    answers = iter(["192.0.2.1", "127.0.0.1"])
    real = socket.getaddrinfo

    def resolving(host: str, port: int, **more: object) -> object:
        if host != "rebinding.example":
            return real(host, port, **more)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolving)
    location = place.config.location.replace("127.0.0.1", "rebinding.example")
    with pytest.raises(SourceError, match=r"192\.0\.2\.1"):
        Site(replace(place.config, location=location, options=())).check()
    assert next(answers) == "127.0.0.1"  # it was not asked for a second time


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe", "::10.0.0.1",
    ],
)  # fmt: skip
def test_no_such_address_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_such_an_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_redirects_are_looked_at_like_any_request(place: Place) -> None:
    """Within the origin they go by the same way out; to another one they are not followed at all."""
    web = web_of(place.config, transport=PublicOnly(certificates(None), "127.0.0.1"))
    place.put(
        ".htaccess",
        "Redirect 302 /away http://169.254.169.254/latest/meta-data/\nRedirect 302 /here /a.html\n",
    )
    place.put("a.html", page())
    with web:
        assert web.ask("GET", "here").url == place.url("a.html")
        with pytest.raises(SourceError, match=r"sends us on to http://169\.254\.169\.254"):
            web.ask("GET", "away")


_PARTS = st.text(st.sampled_from("ab%2eE7é/.~;?&=#:@ +\\ü"), max_size=25)


@given(_PARTS)
def test_an_address_has_one_spelling_and_a_key_leads_back(text: str) -> None:
    scope = Scope("http://x.example/docs/start.html")
    url = normal(text, scope.start)
    if url is None:
        return
    assert normal(url) == url
    key = scope.key(url)
    if key is not None:
        assert scope.url(key) == url
        assert not key.endswith("/") or "?" in key


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("HTTP://X.example:80/a/../b/%7ejane#part", "http://x.example/b/~jane"),
        ("http://x.example", "http://x.example/"),
        ("http://x.example/%2e%2e/%e4", "http://x.example/%E4"),
        (
            "http://x.example/ü?q=ä&utm_source=mail&sessionless=1",
            "http://x.example/%C3%BC?q=%C3%A4&sessionless=1",
        ),
        ("http://x.example/a;jsessionid=AB12?x=1", "http://x.example/a?x=1"),
        ("javascript:alert(1)", None),
        ("http://jane@x.example/", None),
    ],
)
def test_spellings(given: str, spelled: str | None) -> None:
    assert normal(given) == spelled


def test_a_hostile_sitemap_reads_no_file_and_ends() -> None:
    entity = b'<!DOCTYPE u [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    told = list(read_sitemap(entity + b"<urlset><url><loc>http://x.example/&f;&b;</loc></url></urlset>", []))
    assert [each.url for each in told] == ["http://x.example/"]
    with pytest.raises(SourceError):
        list(read_sitemap(gzip.compress(b"0" * 60_000_000), []))
    with pytest.raises(SourceError):
        list(read_sitemap(b"<urlset><url><loc>http://x.example/</loc></url>", []))


def test_it_says_what_it_makes_of_an_address(place: Place) -> None:
    place.put("a.html", page())
    place.sitemap()
    site = place.open(replace(place.config, exclude=("b*",)))
    list(site.changes(None))
    for text in ("a.html", place.url("./a.html?utm_source=x")):
        assert site.covers(text) == Coverage("a.html", there=True)
    assert site.covers(place.url("b.html")) == Coverage("b.html", there=False, rule="exclude")
    assert site.covers("http://elsewhere.invalid/a.html") is None
