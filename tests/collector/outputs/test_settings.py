"""outputs.yaml: what is documented loads, and each mistake is named with its place."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from collector.outputs import settings
from collector.outputs.alerts import Alerting
from collector.outputs.settings import OutputsError, load_outputs
from collector.outputs.webhook import Webhook


def test_the_documented_example_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.__doc__ is not None
    example = textwrap.dedent(settings.__doc__.split("code-block:: yaml\n")[1])
    assert_all_six_load(example, tmp_path, monkeypatch)


def test_so_does_that_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = Path(settings.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert_all_six_load(readme.split("```yaml\n")[1].split("```")[0], tmp_path, monkeypatch)


def assert_all_six_load(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import trustme

    trustme.CA().cert_pem.write_to_path(tmp_path / "corp-ca.pem")
    for name in ("es.key", "sentinel.secret", "webhook.secret"):
        (tmp_path / name).write_text("secret\n")
    monkeypatch.setenv("HEC_TOKEN", "token")
    loaded = load_outputs(written(tmp_path, example.replace("/etc/iocsweep", str(tmp_path))))
    assert [output.name for output in loaded] == [
        "elastic", "splunk", "sentinel", "siem", "chat", "hunters",
    ]  # fmt: skip
    assert [isinstance(output, Alerting) for output in loaded].count(True) == 1


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "outputs.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outputs: {a: {type: file, path: x, colour: red}}", "outputs.a: .*`colour`"),
        ("outputs: {}\nsinks: {}", "`sinks`"),
        ("outputs: {a: {type: kafka}}", "outputs.a: .*kafka"),
        ("outputs: {a: {path: x}}", "outputs.a: .*`type`"),
        ("outputs: {a: {type: file}}", "outputs.a: .*`path`"),
        ("outputs: {a: {type: file, path: x, strength: strongish}}", "outputs.a: .*strongish"),
        ("outputs: {a: {type: syslog, host: h, port: 70000}}", r"outputs.a: .*\$.port"),
        ("outputs: {a: {type: syslog, host: h, tls: false, ca_file: x}}", "outputs.a: .*tls is off"),
        ("outputs: {a: {type: splunk, url: 'https://h'}}", "outputs.a: token: name either"),
        ("outputs: {a: {type: splunk, url: 'https://h', token_env: NOT_SET}}", "NOT_SET"),
        ("outputs: {a: {type: splunk, url: 'https://h', token_file: /no/such}}", "/no/such"),
        ("outputs: {a: {type: splunk, url: 'http://h', token_env: T}}", "plain http"),
        ("outputs: {a: {type: splunk, url: 'https://h', token_env: T, ca_file: /no}}", "/no: no such"),
        ("outputs: {A: {type: file, path: x}}", "outputs.A: a name is"),
        ("outputs:\n  a: {type: file, path: x}\n  a: {type: file, path: y}", "yaml:3: key 'a' stands"),
        ("outputs: {a: {type: file, path: x, path: y}}", "key 'path' stands twice"),
        ("outputs: [", "outputs.yaml:"),
        ("", "outputs.yaml"),
        ("outputs: !!python/object/apply:os.system ['x']", "could not determine a constructor"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T", "token")
    with pytest.raises(OutputsError) as caught:
        load_outputs(written(tmp_path, text))
    assert "outputs.yaml" in str(caught.value)
    assert re.search(said, str(caught.value))


def test_the_address_of_a_webhook_may_be_a_secret(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("shared")
    (tmp_path / "u").write_text("http://chat.example/hooks/T0P")
    text = f"outputs: {{a: {{type: webhook, url_file: {tmp_path}/u, secret_file: {tmp_path}/s}}}}"
    with pytest.raises(OutputsError, match="plain http") as caught:
        load_outputs(written(tmp_path, text))
    assert "T0P" not in str(caught.value)
    (tmp_path / "u").write_text("https://chat.example/hooks/T0P\n")
    assert isinstance(load_outputs(written(tmp_path, text))[0], Alerting)


def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("tökén", encoding="utf-8")
    text = f"outputs: {{a: {{type: splunk, url: 'https://h', token_file: {tmp_path}/t}}}}"
    with pytest.raises(OutputsError, match="no usable secret"):
        load_outputs(written(tmp_path, text))


def test_no_error_repeats_a_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\x07")
    text = f"outputs: {{a: {{type: splunk, url: 'https://h', token_file: {tmp_path}/token}}}}"
    with pytest.raises(OutputsError) as caught:
        load_outputs(written(tmp_path, text))
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputsError, match="No such file"):
        load_outputs(tmp_path / "missing.yaml")


def test_links_lead_where_the_command_line_says_or_else_the_file(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("shared")
    text = (
        "public_url: https://file.example/\n"
        f"outputs: {{a: {{type: webhook, url: 'https://h', secret_file: {tmp_path}/s}}}}"
    )
    for given, said in (("", "https://file.example"), ("http://given:1/", "http://given:1")):
        (output,) = load_outputs(written(tmp_path, text), given)
        assert isinstance(output, Webhook)
        assert output.public_url == said


@pytest.mark.parametrize("url", ["sweep.example", "ftp://sweep.example", "https://u:p@h"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(OutputsError, match="public_url"):
        load_outputs(written(tmp_path, f"public_url: {url}\noutputs: {{}}"))


def test_a_webhook_tells_what_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("shared")
    text = (
        "outputs: {a: {type: webhook, url: 'https://h', events: %s, secret_file: "
        f"{tmp_path}/s}}}}"
    )
    (output,) = load_outputs(written(tmp_path, text % "[output_fails]"))
    assert isinstance(output, Alerting)
    assert output.events == {"output_fails"}
    for events, said in (("[]", "at least one"), ("[second_hit]", "second_hit")):
        with pytest.raises(OutputsError, match=said):
            load_outputs(written(tmp_path, text % events))
