"""A bucket, or what begins with a path in it, by the S3 protocol."""

import errno
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from connectors.base import SourceConfig
from connectors.share.address import address_of
from connectors.share.tree import Entry, Kind
from memory.domain import Access
from memory.errors import InvalidInput, RateLimited, SourceError, SourceUnavailable

_FORM = "It reads s3://BUCKET or s3://BUCKET/PATH; another server than Amazon's is --option endpoint=https://HOST."
_GONE = {"404", "NoSuchKey", "NotFound", "NoSuchVersion"}
_REFUSED = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "AllAccessDisabled",
}
_PAUSE = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}
_AWAY = {"500", "502", "503", "504", "InternalError", "ServiceUnavailable", "RequestTimeout"}


class S3Tree:
    """Objects, listed 1,000 at a time in the order of their names. There are no folders; names that end in ``/`` are left out,
    since programs make such objects to show folders by.

    Options: ``endpoint``, ``region``. Secrets: ``access_key`` and ``secret_key``, with ``session_token`` where there is one;
    without, the bucket is asked as by anybody.
    """

    options = ("endpoint", "region")
    secrets = ("access_key", "secret_key", "session_token")
    tells_permissions = False
    flat = True

    def __init__(self, config: SourceConfig, permissions: bool) -> None:
        del permissions  # policies decide there, which nobody but the server can work out
        # A bucket's name is no host: it may have an underscore.
        address = address_of(config, _FORM)
        self._bucket = unquote(config.location.partition("://")[2].partition("/")[0])
        self._prefix = f"{address.path}/" if address.path else ""
        self.place = f"s3://{self._bucket}/{address.path}".removesuffix("/")
        self._how = _client_settings(config)
        self._client: Any = None

    def root(self) -> str:
        """The bucket's name: it is nobody else's while it is there."""
        try:
            with self._translated():
                self._open().list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        except OSError as error:
            raise SourceError(f"{self.place} cannot be listed: {error.strerror}.", hint=_FORM) from error
        return self.place

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """All objects."""
        del folder, above
        asked = self._open().get_paginator("list_objects_v2")
        pages = iter(asked.paginate(Bucket=self._bucket, Prefix=self._prefix))
        while True:
            with self._translated():
                page = next(pages, None)
            if page is None:
                return
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(self._prefix)
                if name and not name.endswith("/"):
                    yield _entry(name, each["ETag"], each["Size"], each["LastModified"])

    def look(self, path: str) -> Entry:
        """One object as it is now."""
        with self._translated():
            told = self._open().head_object(Bucket=self._bucket, Key=self._prefix + path)
        return _entry(path, told["ETag"], told["ContentLength"], told["LastModified"])

    def access(self, path: str) -> Access:
        """Never asked for."""
        raise OSError(errno.ENOTSUP, "no permissions here", path)

    def read(self, path: str, entry: Entry) -> bytes | None:
        """The whole object; None where another took its place."""
        with self._translated():
            told = self._open().get_object(Bucket=self._bucket, Key=self._prefix + path)
            with told["Body"] as body:
                same = (
                    _entry(path, told["ETag"], told["ContentLength"], told["LastModified"]).version
                    == entry.version
                )
                found: bytes | None = body.read() if same else None
        return found if found is None or len(found) == entry.size else None

    def url(self, path: str) -> str:
        """The address that S3's tools take."""
        return f"s3://{self._bucket}/{quote((self._prefix + path).encode('utf-8', 'surrogatepass'))}"

    def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _open(self) -> Any:
        if self._client is None:
            self._client = boto3.session.Session().client("s3", **self._how)
        return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._meant(str(error.response.get("Error", {}).get("Code", ""))) from error
        except (BotoCoreError, HTTPError, OSError, ValueError, LookupError) as error:
            # An answer that was cut off may lack a header, or end in the middle of one.
            self.close()
            raise SourceUnavailable(f"{self.place} does not answer.") from error

    def _meant(self, code: str) -> Exception:
        if code in _GONE:
            return FileNotFoundError(errno.ENOENT, "no such object")
        if code in _PAUSE:
            return RateLimited(f"{self.place} asks for a pause.")
        if code in _AWAY:
            return SourceUnavailable(f"{self.place} does not answer.")
        if code == "NoSuchBucket":
            return SourceError(f"There is no bucket {self._bucket}.", hint=_FORM)
        if code in _REFUSED:
            return PermissionError(errno.EACCES, "no permission")
        return OSError(errno.EIO, f"the server answers {code[:60] if code.isalnum() else 'an error'}")


def _client_settings(config: SourceConfig) -> dict[str, Any]:
    endpoint = config.option("endpoint")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise InvalidInput("The option endpoint is no address.", hint="It reads https://HOST.")
    key, secret, session = (config.secret(name) for name in S3Tree.secrets)
    if (key is None) != (secret is None):
        raise InvalidInput(
            "Of access_key and secret_key one is missing.", hint="Give both, or neither for a public bucket."
        )
    how: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "connect_timeout": 20, "read_timeout": 60}
    if endpoint:
        how["s3"] = {"addressing_style": "path"}
    if key is None:
        how["signature_version"] = botocore.UNSIGNED
    return {
        "endpoint_url": endpoint or None,
        "region_name": config.option("region", "us-east-1"),
        "config": Config(**how),
        "aws_access_key_id": key.get_secret_value() if key else None,
        "aws_secret_access_key": secret.get_secret_value() if secret else None,
        "aws_session_token": session.get_secret_value() if session else None,
    }


def _entry(name: str, etag: str, size: int, modified: Any) -> Entry:
    return Entry(name, Kind.FILE, size, f"{etag}-{size}", modified=modified)
