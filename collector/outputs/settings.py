"""The file that says where findings go (``outputs.yaml``), strictly read.

An unknown key is an error that names the file, the output and the key; so is a key that stands
twice. Secrets are never in it: it names the file or the environment variable that holds each.

.. code-block:: yaml

    dead_letters: /var/lib/iocsweep-collector/dead-letters   # folder for what was refused for good
    public_url: https://sweep.corp.example:8440   # where readers reach the collector: for links
    outputs:
      elastic:                        # the name is the output's place in the store: keep it
        type: elasticsearch           # Elasticsearch or OpenSearch
        url: https://es.corp.example:9200
        index: logs-iocsweep.finding-default
        api_key_file: /etc/iocsweep/es.key      # or api_key_env, or user and password_file/_env
        ca_file: /etc/iocsweep/corp-ca.pem
        template: true                # install the index template, see "Types" in README.md
        strength: weak                # the weakest that is sent: excluded, weak, strong, confirmed
      splunk:
        type: splunk
        url: https://hec.corp.example:8088
        token_env: HEC_TOKEN
        index: ir
      sentinel:
        type: sentinel
        endpoint: https://sweep-abcd.westeurope-1.ingest.monitor.azure.com
        rule: dcr-00000000000000000000000000000000
        tenant: 00000000-0000-0000-0000-000000000000
        client_id: 00000000-0000-0000-0000-000000000000
        client_secret_file: /etc/iocsweep/sentinel.secret
        alert_stream: Microsoft-ASimAlertEventLogs
      siem:
        type: syslog
        host: siem.corp.example
        port: 6514
        tls: true
        ca_file: /etc/iocsweep/corp-ca.pem
      chat:
        type: webhook                 # a host's first hit of a sweep, and other alerts
        url: https://chat.corp.example/hooks/ir   # or url_file, url_env
        secret_file: /etc/iocsweep/webhook.secret
        events: [first_hit, second_sender, output_fails, deadline_passed]   # all, if left out
      hunters:
        type: file                    # NDJSON with Defender's columns
        path: /var/lib/iocsweep-collector/defender.ndjson
        max_mb: 256
        keep: 20
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union

import msgspec
import yaml
from msgspec import Meta, Struct

from agent.model.report import Strength
from agent.output.mapping import sentinel as sentinel_mapping

from .alerts import EVENTS, Event
from .dead_letter import DeadLetters
from .elasticsearch import Elasticsearch
from .http import Http, check_url, existing_file, tls_context
from .ndjson_file import NdjsonFile
from .output import Output
from .secret import read_secret
from .sentinel import Sentinel
from .splunk import Splunk
from .syslog import Syslog
from .webhook import Webhook

MAX_BYTES = 1024 * 1024
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Seconds = Annotated[float, Meta(gt=0, le=600)]
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


DEFAULT_INDEX: Final = "logs-iocsweep.finding-default"


class OutputsError(ValueError):
    """The file cannot be used; says where and why."""


class _Settings(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True, frozen=True):
    pass


class _Http(_Settings, kw_only=True, frozen=True):
    ca_file: Text | None = None
    proxy: Text | None = None
    plain_http: bool = False
    """Allow ``http://`` to others than loopback: secrets and findings go in the clear."""
    timeout_s: Seconds = 30.0

    def http(self) -> Http:
        return Http(ca_file=existing_file(self.ca_file), proxy=self.proxy, timeout_s=self.timeout_s)


class ElasticsearchSettings(_Http, tag="elasticsearch", kw_only=True, frozen=True):
    """Elasticsearch or OpenSearch."""

    url: Text
    index: Text = DEFAULT_INDEX
    api_key_file: Text | None = None
    api_key_env: Text | None = None
    user: Text | None = None
    password_file: Text | None = None
    password_env: Text | None = None
    template: bool = True
    """Whether the index template is installed: see :mod:`.index_template`."""
    strength: Strength = Strength.WEAK

    def make(self, name: str, dead_letters: DeadLetters) -> Output:
        api_key = password = None
        if self.user is not None:
            password = read_secret("password", self.password_file, self.password_env)
        if self.api_key_file or self.api_key_env or self.user is None:
            api_key = read_secret("api_key", self.api_key_file, self.api_key_env, ascii_only=True)
        return Elasticsearch(
            name, self.http(), dead_letters, url=check_url(self.url, plain_http=self.plain_http),
            index=self.index, api_key=api_key, user=self.user, password=password,
            template=self.template, weakest=self.strength,
        )  # fmt: skip


class SplunkSettings(_Http, tag="splunk", kw_only=True, frozen=True):
    """HTTP Event Collector."""

    url: Text
    token_file: Text | None = None
    token_env: Text | None = None
    index: Text | None = None
    strength: Strength = Strength.WEAK

    def make(self, name: str, dead_letters: DeadLetters) -> Output:
        return Splunk(
            name, self.http(), dead_letters, url=check_url(self.url, plain_http=self.plain_http),
            token=read_secret("token", self.token_file, self.token_env, ascii_only=True),
            index=self.index, weakest=self.strength,
        )  # fmt: skip


class SentinelSettings(_Http, tag="sentinel", kw_only=True, frozen=True):
    """Logs Ingestion API."""

    endpoint: Text
    rule: Text
    """The data collection rule's immutable id, ``dcr-…``."""
    tenant: Text
    client_id: Text
    client_secret_file: Text | None = None
    client_secret_env: Text | None = None
    finding_stream: Text | None = sentinel_mapping.CUSTOM_STREAM
    alert_stream: Text | None = None
    login_url: Text = "https://login.microsoftonline.com"
    strength: Strength = Strength.WEAK

    def make(self, name: str, dead_letters: DeadLetters) -> Output:
        if self.finding_stream is None and self.alert_stream is None:
            raise ValueError("name a finding_stream, an alert_stream, or both")
        return Sentinel(
            name, self.http(), dead_letters,
            endpoint=check_url(self.endpoint, plain_http=self.plain_http), rule=self.rule,
            tenant=self.tenant, client_id=self.client_id,
            client_secret=read_secret(
                "client_secret", self.client_secret_file, self.client_secret_env
            ),
            finding_stream=self.finding_stream, alert_stream=self.alert_stream,
            login_url=check_url(self.login_url, plain_http=self.plain_http), weakest=self.strength,
        )  # fmt: skip


class SyslogSettings(_Settings, tag="syslog", kw_only=True, frozen=True):
    """CEF in RFC 5424 over TCP or TLS."""

    host: Text
    port: Annotated[int, Meta(ge=1, le=65535)] = 6514
    tls: bool = True
    ca_file: Text | None = None
    cert_file: Text | None = None
    """The collector's own certificate, with its key unless ``key_file`` names it."""
    key_file: Text | None = None
    timeout_s: Seconds = 30.0
    strength: Strength = Strength.WEAK

    def make(self, name: str, dead_letters: DeadLetters) -> Output:  # noqa: ARG002
        context = None
        if self.tls:
            context = tls_context(existing_file(self.ca_file))
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        elif self.ca_file or self.cert_file or self.key_file:
            raise ValueError("certificates are named, but tls is off")
        return Syslog(
            name, host=self.host, port=self.port, tls=context, weakest=self.strength,
            timeout_s=self.timeout_s,
        )  # fmt: skip


class WebhookSettings(_Http, tag="webhook", kw_only=True, frozen=True):
    """A signed POST on the first hit of a host, and on what else calls for a person."""

    url: Text | None = None
    url_file: Text | None = None
    url_env: Text | None = None
    """Where the address is a secret itself, as with a chat's webhooks."""
    secret_file: Text | None = None
    secret_env: Text | None = None
    events: tuple[Event, ...] = EVENTS

    def make(self, name: str, dead_letters: DeadLetters, public_url: str = "") -> Output:
        if not self.events:
            raise ValueError("name at least one of the events, or leave them out for all")
        secret = read_secret("secret", self.secret_file, self.secret_env)
        if self.url is not None and (self.url_file or self.url_env):
            raise ValueError("name the url once")
        url = self.url or read_secret("url", self.url_file, self.url_env).reveal()
        check_url(url, plain_http=self.plain_http)
        return Webhook(
            name, self.http(), dead_letters, url=url, secret=secret, events=self.events,
            public_url=public_url,
        )  # fmt: skip


class FileSettings(_Settings, tag="file", kw_only=True, frozen=True):
    """NDJSON with the columns of Defender's advanced hunting."""

    path: Text
    columns: Literal["defender"] = "defender"
    max_mb: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    keep: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """How many rotated files stay; absent: all."""
    strength: Strength = Strength.WEAK

    def make(self, name: str, dead_letters: DeadLetters) -> Output:  # noqa: ARG002
        return NdjsonFile(
            name, Path(self.path), max_bytes=self.max_mb * 1024 * 1024, keep=self.keep,
            weakest=self.strength,
        )  # fmt: skip


OutputSettings = Union[
    ElasticsearchSettings, SplunkSettings, SentinelSettings, SyslogSettings, WebhookSettings,
    FileSettings,
]  # fmt: skip


class _File(Struct, forbid_unknown_fields=True, kw_only=True):
    outputs: dict[str, Any]
    dead_letters: Text | None = None
    public_url: Text | None = None


def load_outputs(path: Path, public_url: str = "") -> list[Output]:
    """The outputs that the file names, none of them connected yet. Raises OutputsError.

    ``public_url``: where readers reach the collector; before what the file says of it.
    """
    file = _into(_File, _read(path), str(path))
    folder = path.parent / (file.dead_letters or "dead-letters")
    made: list[Output] = []
    try:
        # A link is only shown: whether it goes over TLS is for whoever serves it.
        public_url = public_url or file.public_url or ""
        public_url = check_url(public_url, plain_http=True) if public_url else ""
    except ValueError as error:
        raise OutputsError(f"{path}: public_url: {error}") from error
    for name, values in file.outputs.items():
        where = f"{path}: outputs.{name}"
        if not _NAME.fullmatch(name):
            raise OutputsError(f"{where}: a name is lower-case letters, digits, '-', '_' and '.'")
        settings: OutputSettings = _into(OutputSettings, values, where)
        try:
            letters = DeadLetters(folder / f"{name}.ndjson", name)
            if isinstance(settings, WebhookSettings):
                made.append(settings.make(name, letters, public_url))
            else:
                made.append(settings.make(name, letters))
        except (ValueError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise OutputsError(f"{where}: {reason}") from error
    return made


def _into(kind: Any, values: object, where: str) -> Any:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise OutputsError(f"{where}: {error}") from error


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OutputsError(f"{path}: larger than {MAX_BYTES:,} bytes")
        return yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise OutputsError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise OutputsError(f"{path}: not UTF-8 at byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise OutputsError(f"{where}: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise OutputsError(f"{path}: nested too deeply") from error


class _Loader(yaml.SafeLoader):
    """The safe loader, which besides refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {name!r} stands twice", problem_mark=key.start_mark
                )
            seen.add(name)
        made: Mapping[Hashable, Any] = super().construct_mapping(node, deep)
        return dict(made)
