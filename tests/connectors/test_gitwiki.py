"""The connector for Git: the contract, and what real repositories hold."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.base import Change, Checkpoint, Connector, Content, Deleted, Moved, SourceConfig, Upserted
from connectors.gitwiki.address import Remote, address_of
from connectors.gitwiki.codeowners import CodeOwners
from connectors.gitwiki.connector import GitWiki
from connectors.gitwiki.program import Git, GitFailed
from memory.domain import Failed, Role, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.repositories import BO, JANE, Repo, Server, served
from tests.connectors.synced import Synced


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "wiki")


@pytest.fixture
def source(repo: Repo, tmp_path: Path) -> SourceConfig:
    return SourceConfig("wiki", str(repo.path), state=tmp_path / "state")


def ref(key: str) -> SourceRef:
    return SourceRef("gitwiki", "wiki", key)


def told(config: SourceConfig, since: str | None = None) -> tuple[list[tuple[Any, ...]], Checkpoint]:
    """What a walk tells, in short, and its end."""
    connector = GitWiki(config)
    try:
        *changes, last = connector.changes(since)
    finally:
        connector.close()
    assert isinstance(last, Checkpoint)
    return [short(each) for each in changes], last


def short(change: Change) -> tuple[Any, ...]:
    if isinstance(change, Moved):
        return "moved", change.old.key, change.new.key
    assert not isinstance(change, Checkpoint)
    return {Upserted: "put", Deleted: "gone", Failed: "failed"}[type(change)], change.ref.key


def people(config: SourceConfig, key: str) -> list[tuple[str, str]]:
    """Who did what to a document."""
    return [
        (each.role.value, each.person.address or each.person.account)
        for each in content(config, key).contributions
    ]


def content(config: SourceConfig, key: str) -> Content:
    connector = GitWiki(config)
    try:
        list(connector.changes(None))
        return connector.fetch(ref(key))
    finally:
        connector.close()


class TestGitWiki(Synced):
    connector_class = GitWiki
    has_folders = False
    walks_in_steps = True
    has_fingerprints = False  # files of the same bytes have none: nothing in Git tells one from the other

    @pytest.fixture
    def config(self, source: SourceConfig, repo: Repo) -> SourceConfig:
        self.repo = repo
        return source

    def add(self, key: str, body: bytes) -> None:
        self.repo.put(key, body)
        self.repo.commit()

    def change(self, key: str, body: bytes) -> None:
        self.add(key, body)

    def remove(self, key: str) -> None:
        self.repo.git("rm", "-q", key)
        self.repo.commit()

    def deny_reading(self, key: str) -> None:
        """Take its bytes away: rights are those of the whole repository."""
        self.repo.put(key, b"bytes of its own")
        self.repo.commit()
        blob = self.repo.git("rev-parse", f"HEAD:{key}").decode().strip()
        (self.repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    def unreachable(self) -> None:
        self.repo.path.rename(self.repo.path.with_name("elsewhere"))


def test_a_difference_is_told_by_what_became_of_each_file(repo: Repo, source: SourceConfig) -> None:
    text = "\n".join(f"line {n} of the page" for n in range(40))
    for name in ("changed.md", "gone.md", "old.md", "edited.md", "same.md"):
        repo.put(name, f"{name}\n{text}")
    repo.commit()
    first, last = told(source)
    assert {each[0] for each in first} == {"put"}
    assert told(source, last.cursor) == ([], last), "nothing new"
    repo.put("changed.md", "other")
    repo.git("rm", "-q", "gone.md")
    repo.git("mv", "old.md", "new.md")
    repo.git("mv", "edited.md", "moved.md")
    repo.put("moved.md", f"edited.md\n{text}\nanother line")
    repo.put("added.md", "brand new")
    repo.commit()
    changes, later = told(source, last.cursor)
    assert sorted(changes) == [
        ("gone", "gone.md"),
        ("moved", "edited.md", "moved.md"),
        ("moved", "old.md", "new.md"),
        ("put", "added.md"),
        ("put", "changed.md"),
    ]
    assert not later.whole
    elsewhere = replace(source, include=("moved.md", "old.md"))
    assert told(elsewhere, later.cursor)[1].whole, "other settings: everything is told again"


def test_a_commit_that_is_gone_costs_a_walk_over_everything(repo: Repo, source: SourceConfig) -> None:
    repo.put("a.md", "a")
    repo.put("b.md", "b")
    repo.commit()
    repo.put("b.md", "forced away")
    repo.commit()
    _, last = told(source)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.put("c.md", "c")
    repo.commit()
    assert told(source, last.cursor)[0] == [("put", "b.md"), ("put", "c.md")], "it is still there"
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    changes, later = told(source, last.cursor)
    assert changes == [("put", "a.md"), ("put", "b.md"), ("put", "c.md")]
    assert later.whole


def test_who_wrote_what_comes_from_the_history(repo: Repo, source: SourceConfig) -> None:
    repo.put("page.md", "the first words of a long page about warehouses\n" * 5)
    repo.commit("begin\n\nCo-authored-by: Ann Lee <ann@x.example>")
    repo.put("page.md", "the first words of a long page about warehouses\n" * 6)
    repo.commit(who=BO)
    repo.git("mv", "page.md", "warehouses.md")
    repo.commit(who=("Mover", "mover@x.example"))
    repo.put("warehouses.md", "the first words of a long page about warehouses\n" * 7)
    repo.commit(who=("J. Doe", "jd@old.example"))
    repo.put("build.txt", "x")
    repo.commit(who=("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"))
    assert people(source, "warehouses.md") == [
        ("author", "jane@x.example"),
        ("author", "ann@x.example"),
        ("editor", "jd@old.example"),
        ("editor", "bo@x.example"),
    ], "moving it is no editing"
    found = content(source, "warehouses.md")
    assert found.created
    assert found.modified
    assert (found.created.day, found.modified.day) == (2, 5)
    assert people(source, "build.txt") == []
    _, last = told(source)
    repo.put(".mailmap", "Jane Doe <jane@x.example> <jd@old.example>\n")
    repo.commit()
    assert ("put", "warehouses.md") in told(source, last.cursor)[0], "who is who has changed"
    assert people(source, "warehouses.md") == [
        ("author", "jane@x.example"),
        ("author", "ann@x.example"),
        ("editor", "bo@x.example"),
    ]


def test_the_history_is_the_same_read_at_once_or_bit_by_bit(
    repo: Repo, source: SourceConfig, tmp_path: Path
) -> None:
    """Branches that are merged, renames on one and edits on the other, a conflict, a name that is used again."""
    page = "".join(f"line {n}\n" for n in range(30))
    repo.put("a.md", page)
    repo.put("again.md", "first")
    steps = [repo.commit()]
    repo.git("checkout", "-q", "-b", "side")
    repo.put("a.md", page + "from the side\n")
    repo.commit(who=BO)
    repo.git("checkout", "-q", "main")
    repo.git("mv", "a.md", "b.md")
    repo.git("rm", "-q", "again.md")
    steps.append(repo.commit())
    repo.git("merge", "-q", "side")
    repo.put("again.md", "second")
    steps.append(repo.commit(who=BO))
    repo.put("b.md", page + "more\n")
    steps.append(repo.commit(who=("Ann Lee", "ann@x.example")))
    late = replace(source, state=tmp_path / "late")
    for step in steps:
        repo.git("update-ref", "refs/heads/read", step)
        told(replace(source, options=(("branch", "read"),)))
    for config in (replace(source, options=(("branch", "read"),)), late):
        assert people(config, "b.md") == [
            ("author", "jane@x.example"),
            ("editor", "ann@x.example"),
            ("editor", "bo@x.example"),
        ]
        assert people(config, "again.md") == [("author", "bo@x.example")]
    (source.state or tmp_path).joinpath("history.db").write_bytes(b"no database at all" * 100)
    assert people(source, "again.md") == [("author", "bo@x.example")], "it can be made again"


def test_code_owners() -> None:
    owners = CodeOwners(
        "* @all-of-it\n*.js @js # a comment\n/docs/ docs@x.example @org/team\ndocs/* @top\n/apps/ @a @b\n/apps/free\n"
        "**/logs @l\nwith\\ blank.md @w\n!not @n\n"
        "[Legal] @lawyer\nterms.md\n*.law law@x.example\n^[legal][2]\nterms.md @judge\n"
    )
    assert owners.of("x.txt") == ["@all-of-it"]
    assert owners.of("deep/x.js") == ["@js"]
    assert owners.of("docs/a.md") == ["@top"]
    assert owners.of("docs/deep/a.md") == ["docs@x.example"]
    assert owners.of("apps/x/y.md") == ["@a", "@b"]
    assert owners.of("apps/free") == []
    assert owners.of("a/logs/today.txt") == ["@l"]
    assert owners.of("with blank.md") == ["@w"]
    assert owners.of("terms.md") == ["@all-of-it", "@judge"]
    assert owners.of("x.law") == ["@all-of-it", "law@x.example"]


def test_owners_come_with_the_document_and_change_its_version(repo: Repo, source: SourceConfig) -> None:
    repo.put("a.md", "a")
    repo.put("b.md", "b")
    repo.commit()
    _, last = told(source)
    repo.put(".github/CODEOWNERS", "a.md Bo@x.example @jdoe")
    repo.commit()
    changes, _ = told(source, last.cursor)
    assert changes == [("put", "a.md"), ("put", "b.md")]
    connector = GitWiki(source)
    versions = {each.ref.key: each.version for each in connector.changes(None) if isinstance(each, Upserted)}
    connector.close()
    repo.git("rm", "-q", ".github/CODEOWNERS")
    repo.commit()
    connector = GitWiki(source)
    now = {each.ref.key: each.version for each in connector.changes(None) if isinstance(each, Upserted)}
    connector.close()
    assert now["b.md"] == versions["b.md"]
    assert now["a.md"] != versions["a.md"]
    repo.git("revert", "--no-edit", "HEAD")
    assert people(source, "a.md")[1:] == [("owner", "bo@x.example"), ("owner", "wiki:jdoe")]


def test_what_is_no_document_and_names_of_any_bytes(repo: Repo, source: SourceConfig, tmp_path: Path) -> None:
    for name in ("a.md", b"caf\xe9.md", "tab\tand\nline.md", ".hidden/x.md", "100%.md"):
        repo.put(name, "text")
    os.symlink("/etc/passwd", repo.path / "out.md")  # noqa: PTH211
    inner = Repo(tmp_path / "inner")
    inner.put("x", "x")
    commit = inner.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    repo.git("add", "-A", ":!module")
    repo.git("commit", "-q", "-m", "all")
    keys = ["100%25.md", "a.md", "caf%E9.md", "tab%09and%0Aline.md"]
    assert sorted(key for _, key in told(source)[0]) == keys
    assert ("put", ".hidden/x.md") in told(replace(source, options=(("hidden", "yes"),)))[0]
    connector = GitWiki(source)
    for key in keys:
        assert connector.fetch(ref(key)).read() == b"text"
    for key in ("out.md", "module", ".hidden/x.md", "../state/history.db", "a.md/../a.md"):
        with pytest.raises(NotFound):
            connector.fetch(ref(key))
    connector.close()


def test_what_git_lfs_keeps_is_read_where_it_is_and_fails_where_it_is_not(
    repo: Repo, source: SourceConfig
) -> None:
    digest = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    repo.put("big.pdf", f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 12345\n")
    repo.commit()
    connector = GitWiki(source)
    with pytest.raises(SourceError, match="Git LFS"):
        connector.fetch(ref("big.pdf"))
    repo.put(f".git/lfs/objects/4d/7a/{digest}", b"%PDF-1.7")
    assert connector.fetch(ref("big.pdf")).read() == b"%PDF-1.7"
    connector.close()


def test_a_branch_a_bare_repository_and_a_linked_worktree(
    repo: Repo, source: SourceConfig, tmp_path: Path
) -> None:
    assert told(source)[0] == []
    assert "empty" in GitWiki(source).check()
    repo.put("a.md", "a")
    repo.commit()
    repo.git("checkout", "-q", "-b", "draft/one")
    repo.put("b.md", "b")
    repo.commit()
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    on_main = (("branch", "main"),)
    assert told(replace(source, options=on_main))[0] == [("put", "a.md")]
    assert told(source)[0] == [("put", "a.md"), ("put", "b.md")]
    bare = replace(source, location=(tmp_path / "bare.git").as_uri(), options=on_main)
    assert told(bare)[0] == [("put", "a.md")]
    assert told(replace(source, location=str(tmp_path / "linked")))[0] == [("put", "a.md")]
    with pytest.raises(SourceError, match="no branch nope") as raised:
        told(replace(source, options=(("branch", "nope"),)))
    assert "draft/one" in raised.value.hint
    with pytest.raises(SourceError, match="not a Git repository"):
        told(replace(source, location=str(tmp_path)))


def test_a_repository_can_make_git_run_nothing(repo: Repo, source: SourceConfig, tmp_path: Path) -> None:
    """Whoever can write a repository can write its settings, and many of them name programs."""
    mark = tmp_path / "ran"
    run = tmp_path / "run.sh"
    run.write_text(f"#!/bin/sh\necho $0 $@ >> {mark}\ncat 2>/dev/null\n")
    run.chmod(0o755)
    repo.put(".gitattributes", "* diff=evil filter=evil")
    repo.put("a.md", "a")
    repo.commit()
    repo.put("a.md", "b")
    repo.commit()
    for name in (
        *(
            "core.fsmonitor",
            "core.pager",
            "core.editor",
            "core.sshCommand",
            "core.askPass",
            "diff.external",
            "gpg.program",
        ),
        *(
            "core.alternateRefsCommand",
            "diff.evil.textconv",
            "diff.evil.command",
            "filter.evil.smudge",
            "pager.log",
        ),
        *("credential.helper", "remote.evil.uploadpack", "uploadpack.packObjectsHook", "gpg.ssh.program"),
    ):
        repo.git("config", name, str(run))
    repo.git("config", "log.showSignature", "true")
    # What is missing would be fetched from here, by a program of its choice.
    repo.git("config", "extensions.partialClone", "evil")
    repo.git("config", "core.repositoryFormatVersion", "1")
    repo.git("config", "remote.evil.promisor", "true")
    repo.git("config", "remote.evil.url", f"ext::{run} %S")
    repo.git("config", "protocol.ext.allow", "always")
    repo.put(".git/hooks/post-index-change", run.read_text())
    repo.put(".git/hooks/reference-transaction", run.read_text())
    missing = repo.git("rev-parse", "HEAD~1:a.md").decode().strip()
    (repo.path / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    blob = repo.git("rev-parse", "HEAD:a.md").decode().strip()
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for made in (mark,):
        made.unlink(missing_ok=True)  # by git for us, above
    connector = GitWiki(source)
    assert [short(each) for each in connector.changes(None) if not isinstance(each, Checkpoint)] == [
        ("failed", "a.md")
    ]
    with pytest.raises(SourceError):
        connector.fetch(ref("a.md"))
    connector.close()
    assert not mark.exists(), mark.read_text()


@pytest.mark.parametrize(
    "location",
    [
        *(
            "ext::sh -c id",
            "ext::/bin/sh",
            "--upload-pack=id",
            "-oProxyCommand=id",
            "fd::17",
            "git://x.example/wiki",
        ),
        *(
            "ssh://-oProxyCommand=id/wiki",
            "ssh://x@-oProxyCommand=id/wiki",
            "https://x.example",
            "ftp://x.example/a",
        ),
        *(
            "https://jane:pass@x.example/wiki",
            "https://jane@x.example/wiki",
            "http://x.example/wiki",
            "https://x.example/a\nb",
        ),
        *("ssh://x.example/wiki?x=1", "", "file://x.example/wiki", "https://[::1/wiki"),
    ],
)
def test_addresses_that_are_refused(location: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        GitWiki(SourceConfig("wiki", location))
    assert "pass@" not in str(raised.value)


def test_addresses_that_are_taken() -> None:
    for location, protocol in {
        "https://x.example/team/wiki.git": "https",
        "ssh://git@x.example:2222/wiki.git": "ssh",
        "git@x.example:team/wiki.git": "ssh",
        "http://127.0.0.1:3000/wiki": "http",
        "https://[2001:db8::1]/wiki": "https",
    }.items():
        found = address_of(SourceConfig("wiki", location))
        assert isinstance(found, Remote)
        assert (found.url, found.protocol) == (location, protocol)
    for options, secrets in (
        ((("web", "javascript:x"),), ()),
        ((("branch", "-x"),), ()),
        ((), (("key", SecretStr("x")),)),
    ):
        with pytest.raises(InvalidInput):
            GitWiki(SourceConfig("wiki", "https://x.example/wiki", options=options, secrets=secrets))


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(repo: Repo) -> None:
    repo.put("a.md", "a")
    repo.commit()
    git = Git(repo.path / ".git")
    began = time.monotonic()
    with pytest.raises(GitFailed, match="longer than"):
        git.run("-c", "alias.wait=!sleep 60", "wait", limit_s=0.3)
    assert time.monotonic() - began < 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def elsewhere(server: Server, repo: Repo, source: SourceConfig) -> SourceConfig:
    return replace(source, location=server.url("wiki/.git"))


def test_a_repository_elsewhere_is_cloned_and_kept_up_to_date(
    server: Server, repo: Repo, elsewhere: SourceConfig
) -> None:
    assert told(elsewhere)[0] == []
    assert "empty" in GitWiki(elsewhere).check()
    repo.put("a.md", "a")
    repo.commit()
    assert "at" in GitWiki(elsewhere).check()
    changes, last = told(elsewhere)
    assert changes == [("put", "a.md")]
    server.seen.clear()
    assert told(elsewhere, last.cursor)[0] == []
    assert len(server.seen) == 2, "it was asked where the branch is, and no more"
    repo.git("mv", "a.md", "b.md")
    repo.commit(who=BO)
    assert told(elsewhere, last.cursor)[0] == [("moved", "a.md", "b.md")]
    assert people(elsewhere, "b.md") == [("author", JANE[1])]
    repo.git("checkout", "-q", "-b", "other")
    repo.put("c.md", "c")
    repo.commit()
    repo.git("checkout", "-q", "main")
    other = replace(elsewhere, options=(("branch", "other"),))
    assert told(other, last.cursor)[0] == [("put", "b.md"), ("put", "c.md")]
    with pytest.raises(SourceError, match="no branch nope") as raised:
        told(replace(elsewhere, options=(("branch", "nope"),)))
    assert "main, other" in raised.value.hint


def test_a_server_that_wants_a_password(server: Server, repo: Repo, elsewhere: SourceConfig) -> None:
    repo.put("a.md", "a")
    repo.commit()
    server.password = "correct-horse"
    for secrets in ((), (("password", SecretStr("wrong-horse")),)):
        with pytest.raises(SourceError, match="refuses the login") as raised:
            told(replace(elsewhere, options=(("user", "jane"),), secrets=secrets))
        assert "horse" not in str(raised.value)
    config = replace(
        elsewhere, options=(("user", "jane"),), secrets=(("password", SecretStr("correct-horse")),)
    )
    connector = GitWiki(config)
    walk = connector.changes(None)
    assert isinstance(next(walk), Upserted)
    running = subprocess.run(["ps", "axww", "-o", "args"], check=True, capture_output=True, text=True).stdout
    assert "correct-horse" not in running
    kept = [path.read_bytes() for path in (config.state or Path()).rglob("*") if path.is_file()]
    assert not [body for body in kept if b"correct-horse" in body or b"Authorization" in body]
    connector.close()
    with pytest.raises(SourceError, match="another address"):
        told(replace(config, location=server.url("elsewhere/.git")))
    with pytest.raises(SourceError, match="no such repository"):
        told(replace(config, location=server.url("nothing/.git")))


def test_a_connection_that_is_cut_loses_nothing(server: Server, repo: Repo, elsewhere: SourceConfig) -> None:
    choose = random.Random(11)
    for n in range(30):
        repo.put(f"page{n}.md", choose.randbytes(600).hex())
    repo.commit()
    for _ in range(5):
        server.cut_after = choose.randint(1, 15_000)
        with pytest.raises(SourceUnavailable):
            told(elsewhere)
    server.cut_after = None
    first, last = told(elsewhere)
    assert len(first) == 30
    for n in range(30):
        repo.put(f"page{n}.md", choose.randbytes(600).hex())
    repo.commit()
    for _ in range(5):
        server.cut_after = choose.randint(1, 15_000)
        connector: Connector = GitWiki(elsewhere)
        with pytest.raises(SourceUnavailable):
            list(connector.changes(last.cursor))
        assert connector.fetch(ref("page1.md")).body, "what was there is still there"
        connector.close()  # type: ignore[attr-defined]
    server.cut_after = None
    assert sorted(told(elsewhere, last.cursor)[0]) == sorted(first)
    left = list((elsewhere.state or Path()).rglob("tmp_pack*"))
    assert left == []
    server.stop()
    with pytest.raises(SourceUnavailable):
        told(elsewhere, last.cursor)


def test_what_a_killed_sync_left_hinders_nothing(server: Server, repo: Repo, elsewhere: SourceConfig) -> None:
    repo.put("a.md", "# A\n")
    repo.commit()
    assert told(elsewhere)[0] == [("put", "a.md")]
    state = elsewhere.state or Path()
    clone = state / "clone" / "repository.git"
    left = [clone / "refs" / "mneme" / "head.lock", clone / "packed-refs.lock", clone / "gc.pid"]
    left.append(clone / "objects" / "pack" / "tmp_pack_x")
    for each in left:
        each.touch()
    old, new = state / "ssh-old", state / "ssh-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    repo.put("b.md", "# B\n")
    repo.commit()
    assert told(elsewhere)[0] == [("put", "a.md"), ("put", "b.md")]
    assert not [each for each in left if each.exists()]
    assert (old.exists(), new.exists()) == (False, True), "the key of a sync that may still run stays"


def test_roles_are_those_of_the_memory(repo: Repo, source: SourceConfig) -> None:
    repo.put("a.md", "a")
    repo.put("CODEOWNERS", "* bo@x.example")
    repo.commit()
    found = content(replace(source, options=(("web", "https://x.example/wiki/blob/main/"),)), "a.md")
    assert [each.role for each in found.contributions] == [Role.AUTHOR, Role.OWNER]
    assert found.url == "https://x.example/wiki/blob/main/a.md"
