"""The share connector against a local S3 server: objects, of which any text may be the name."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from connectors.base import Change, Connector, SourceConfig, Upserted
from connectors.file_tree import object_key_of, object_name_of
from connectors.share.connector import Share
from memory.domain import SourceRef
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from tests.connectors.local_server import free_port
from tests.connectors.synced import Synced
from tests.connectors.wire import Wire

NUMBERS = count(1)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    chosen = free_port()
    server = ThreadedMotoServer("127.0.0.1", chosen, verbose=False)
    server.start()
    yield chosen
    server.stop()


class Bucket:
    """A bucket that is one test's alone, reached by a wire that can be cut."""

    def __init__(self, port: int) -> None:
        self.name = f"bucket{next(NUMBERS)}"
        self.wire = Wire(port)
        self.config = SourceConfig(
            "cloud",
            f"s3://{self.name}",
            options=(("endpoint", f"http://127.0.0.1:{self.wire.port}"),),
            secrets=(("access_key", SecretStr("key")), ("secret_key", SecretStr("hunter2"))),
        )
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="hunter2",
        )
        self.client.create_bucket(Bucket=self.name)
        self.opened = ExitStack()
        self.opened.callback(self.wire.close)
        self.opened.callback(self.client.close)

    def open(self, config: SourceConfig | None = None) -> Share:
        made = Share(config or self.config)
        self.opened.callback(made.close)
        return made

    def put(self, key: str, body: bytes = b"text") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body)


@pytest.fixture
def bucket(port: int) -> Iterator[Bucket]:
    made = Bucket(port)
    with made.opened:
        yield made


class TestS3(Synced):
    connector_class = Share
    has_folders = False
    has_fingerprints = False
    # A listing comes 1,000 at a time; a test of its own is below.
    walks_in_steps = False
    # This server asks nobody for permission.
    has_single_failures = False

    @pytest.fixture
    def config(self, bucket: Bucket) -> SourceConfig:
        self.bucket = bucket
        return bucket.config

    def open(self, config: SourceConfig) -> Connector:
        return self.bucket.open(config)

    def add(self, key: str, body: bytes) -> None:
        self.bucket.put(key, body)

    def change(self, key: str, body: bytes) -> None:
        self.bucket.put(key, body)

    def remove(self, key: str) -> None:
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=key)

    def unreachable(self) -> None:
        self.bucket.wire.close()


def keys(changes: list[Change]) -> list[str]:
    return sorted(each.ref.key for each in changes if isinstance(each, Upserted))


def ref(key: str) -> SourceRef:
    return SourceRef("share", "cloud", key)


def test_more_than_a_page(bucket: Bucket) -> None:
    for number in range(1_005):
        bucket.put(f"{number:04}.txt", b"")
    connector = bucket.open()
    assert len(keys(list(connector.changes(None)))) == 1_005
    assert connector.check().startswith(f"s3://{bucket.name} has 1,000 or more entries")
    walk = connector.changes(None)
    next(walk)
    bucket.wire.close()
    with pytest.raises(SourceUnavailable):
        list(walk)


def test_names_of_every_kind(bucket: Bucket) -> None:
    names = [
        "a//b.txt",
        "/c.txt",
        "../d.txt",
        "./e.txt",
        "a/../f.txt",
        "Verträge 100%/g.txt",
        "q?x#y&z=1+2.txt",
        "%2F",
        "a b",
    ]
    for name in [*names, "folder/", "folder/sub/"]:
        bucket.put(name, name.encode())
    found = [each for each in bucket.open().changes(None) if isinstance(each, Upserted)]
    connector = bucket.open()
    assert sorted(connector.fetch(each.ref).read().decode() for each in found) == sorted(names)
    assert {"a%2F%2Fb.txt", "%2Fc.txt", "%2E%2E/d.txt", "a/%2E%2E/f.txt"} < {each.ref.key for each in found}
    for key in ("a//b.txt", "/c.txt", "../d.txt", "folder/", "%61 b"):
        with pytest.raises(NotFound):
            connector.fetch(ref(key))


@pytest.mark.parametrize(
    "name", ["a", "//", "a//", "/a/", "..", "a/..", "...", "%", "%2F", "a/./b", "é\n", "///a///b///"]
)
def test_every_name_has_one_key(name: str) -> None:
    key = object_key_of(name)
    assert object_name_of(key) == name
    assert {"", ".", ".."}.isdisjoint(key.split("/"))


def test_a_path_is_a_root(bucket: Bucket) -> None:
    for name in ("legal/a.txt", "legal/.hidden/b.txt", "legalese/c.txt", "legal/Thumbs.db"):
        bucket.put(name)
    connector = bucket.open(replace(bucket.config, location=f"s3://{bucket.name}/legal/"))
    assert keys(list(connector.changes(None))) == ["a.txt"]
    assert connector.fetch(ref("a.txt")).url == f"s3://{bucket.name}/legal/a.txt"
    with pytest.raises(NotFound):
        connector.fetch(ref(".hidden/b.txt"))


def test_an_object_that_changed_since_it_was_listed(bucket: Bucket) -> None:
    bucket.put("a.txt", b"before")
    connector = bucket.open()
    list(connector.changes(None))
    bucket.put("a.txt", b"after it")
    assert connector.fetch(ref("a.txt")).read() == b"after it"


def test_what_is_wrong_is_said(bucket: Bucket) -> None:
    with pytest.raises(SourceError, match="no bucket"):
        bucket.open(replace(bucket.config, location="s3://nothing-here")).check()
    with pytest.raises(InvalidInput, match="one is missing"):
        bucket.open(replace(bucket.config, secrets=bucket.config.secrets[:1]))
    with pytest.raises(InvalidInput, match="endpoint"):
        bucket.open(replace(bucket.config, options=(("endpoint", "127.0.0.1"),)))
    with pytest.raises(InvalidInput, match="tells no permissions"):
        bucket.open(replace(bucket.config, options=(("permissions", "server"),)))
    bucket.wire.close()
    with pytest.raises(SourceUnavailable) as raised:
        bucket.open().check()
    assert "hunter2" not in str(raised.value)
