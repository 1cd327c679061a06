"""``IOCSWEEP_…``: options for channels that can set variables."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from agent import cli
from agent.command_line.commands import OF_A_DESK
from agent.command_line.environment import variable
from agent.command_line.layers import EXCLUDE
from agent.delivery.config import merged
from agent.delivery.config import parse as settings_of
from agent.exit_codes import UsageError
from agent.model.codec import decode
from agent.options import Options, _parser, parse

SECRETS = ("token", "password", "credentials", "key")


def test_every_option_has_its_variable() -> None:
    """Each is set by its variable alone, to the value that the option gives."""
    parser = _parser()
    for command, known in parser.commands.items():
        if command in OF_A_DESK:
            continue
        paths = ["x"] if command in ("offline", "verify") else []
        for name, action in known.options.items():
            if not name.startswith("--") or name == "--help":
                continue
            value = _value_of(name, action.choices)
            words = [name] if action.nargs == 0 else [f"{name}={value}"]
            asked = parse([command, *words, *paths])
            by_variable = parse(
                [command, *paths], {variable(name): "1" if action.nargs == 0 else value}
            )
            assert getattr(by_variable, action.dest) == getattr(asked, action.dest), name
            assert getattr(asked, action.dest) != getattr(Options(command=command), action.dest)
            assert msgspec.json.encode(by_variable.recorded())
            assert by_variable.taken[action.dest] == variable(name), name


def _value_of(name: str, choices: object) -> str:
    if isinstance(choices, (tuple, list)):
        return str(choices[0])
    if name in ("--only", "--skip"):
        return "pipes"
    if name in OTHERS:
        return OTHERS[name]
    return "7m" if name in TIMES else "7"


OTHERS = {"--jobs": "3", "--max-memory": "1G"}
TIMES = ("--max-runtime", "--since", "--splay", "--send-window", "--rules-timeout")


def test_the_command_line_wins_over_a_variable() -> None:
    environment = {"IOCSWEEP_MAX_RUNTIME": "25m", "IOCSWEEP_SWEEP_ID": "w48"}
    options = parse(["--max-runtime", "9m"], environment)
    assert (options.max_runtime, options.sweep_id) == (540, "w48")
    assert options.taken == {"sweep_id": "IOCSWEEP_SWEEP_ID"}


def test_a_file_of_arguments_wins_as_the_command_line_does(tmp_path: Path) -> None:
    (tmp_path / "args").write_text("--max-runtime\n9m\n")
    options = parse([f"@{tmp_path / 'args'}"], {"IOCSWEEP_MAX_RUNTIME": "25m"})
    assert options.max_runtime == 540


def test_a_variable_wins_over_delivery_yaml(tmp_path: Path) -> None:
    (tmp_path / "delivery.yaml").write_text("collector: https://a.example\nsweep_id: theirs\n")
    options = parse([], {"IOCSWEEP_COLLECTOR": "https://b.example"})
    path = tmp_path / "delivery.yaml"
    whole = merged(options, settings_of(path), path)
    assert (whole.collector, whole.sweep_id) == ("https://b.example", "theirs")


@pytest.mark.parametrize(
    ("arguments", "environment", "field", "value"),
    [
        (["--verify-walk"], {"IOCSWEEP_WALK": "1"}, "walk", False),
        (["--no-proxy"], {"IOCSWEEP_PROXY": "http://p.example:1"}, "proxy", None),
        (["--no-delivery"], {"IOCSWEEP_COLLECTOR": "https://c.example"}, "collector", None),
        (["--share", "x"], {"IOCSWEEP_NO_DELIVERY": "1"}, "no_delivery", False),
        (["--only-pack", "x"], {"IOCSWEEP_PACK": "y"}, "packs", []),
        (["--once", "x"], {"IOCSWEEP_SWEEP_ID": "y"}, "sweep_id", "x"),
        (["--sweep-id", "x"], {"IOCSWEEP_ONCE": "y"}, "run_once", None),
        (["selftest", "--remove-canary"], {"IOCSWEEP_CANARY": "y"}, "canary", None),
    ],
)
def test_what_the_command_line_excludes_is_not_taken(
    arguments: list[str], environment: dict[str, str], field: str, value: object
) -> None:
    options = parse(arguments, environment)
    assert getattr(options, field) == value
    assert options.taken == {}


def test_what_argparse_lets_nobody_give_together_no_variable_adds() -> None:
    groups = [
        {action.dest for action in group._group_actions}
        for command in _parser().commands.values()
        for group in command._mutually_exclusive_groups
    ]
    assert len(groups) > 1
    for group in groups:
        assert {frozenset(pair) for pair in combinations(group, 2)} <= {*map(frozenset, EXCLUDE)}


def test_what_has_to_be_given_may_come_from_a_variable() -> None:
    options = parse(["verify", "x"], {"IOCSWEEP_PUBKEY": "fleet.pub"})
    assert options.public_keys == [Path("fleet.pub")]
    with pytest.raises(UsageError, match="required: --pubkey"):
        parse(["verify", "x"], {})


@pytest.mark.parametrize(
    ("value", "on"),
    [("1", True), ("yes", True), ("TRUE", True), ("on", True), ("0", False), ("No", False)],
)
def test_a_switch_is_on_or_off(value: str, on: object) -> None:
    assert parse([], {"IOCSWEEP_NICE": value}).nice is on


def test_several_are_separated_as_in_a_search_path() -> None:
    options = parse([], {"IOCSWEEP_PACK": os.pathsep.join(["a.yaml", "b.yaml"])})
    assert options.packs == [Path("a.yaml"), Path("b.yaml")]


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"IOCSWEEP_MAX_RUNTIME": "soon"}, "IOCSWEEP_MAX_RUNTIME: argument --max-runtime: 'soon'"),
        ({"IOCSWEEP_MEMORY": "some"}, "IOCSWEEP_MEMORY: argument --memory: invalid choice"),
        ({"IOCSWEEP_SHARE": ""}, "IOCSWEEP_SHARE: an empty value"),
        ({"IOCSWEEP_NICE": "perhaps"}, "IOCSWEEP_NICE: 'perhaps' is neither 1, true, yes, on nor"),
        ({"IOCSWEEP_COLECTOR": "x"}, "IOCSWEEP_COLECTOR: there is no such variable; did you mean"),
    ],
)
def test_what_is_wrong_is_named_with_its_variable(environment: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError) as error:
        parse([], environment)
    assert str(error.value).startswith(why)


def test_variables_of_other_commands_and_programs_do_nothing() -> None:
    environment = {
        "IOCSWEEP_JOBS": "3", "IOCSWEEP_HOME": "/x", "IOCSWEEP_TOKEN": "t",
        "IOCSWEEP_COLLECTOR_HOME": "/y", "IOCSWEEP_TEST_DNS": "z", "PATH": "/bin",
    }  # fmt: skip
    assert parse([], environment) == parse([])


def test_a_pack_is_never_made_where_a_sweeps_report_was_meant_to_go() -> None:
    options = parse(["packs", "import", "a.txt", "--out", "p.yaml"], {"IOCSWEEP_OUT": "reports"})
    assert options.out == Path("p.yaml")
    assert parse(["packs", "list"], {"IOCSWEEP_NICE": "1"}).nice is False


def test_no_option_takes_a_secret() -> None:
    """What a command line holds is seen by everybody on the host: files of secrets alone."""
    takers = {
        name
        for known in _parser().commands.values()
        for name, action in known.options.items()
        if any(word in name for word in SECRETS) and action.metavar != "FILE"
    }
    assert takers == set()


def test_the_report_and_the_operator_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IOCSWEEP_SKIP", "recycle_bin")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    cli.main(["offline", str(tmp_path / "tree"), "--out", str(tmp_path / "out.json"), "--quiet"])
    assert "from the environment: IOCSWEEP_SKIP\n" in capsys.readouterr().err
    report = decode((tmp_path / "out.json").read_bytes())
    assert report.options["environment"] == ["IOCSWEEP_SKIP"]
    assert report.options["skip"] == ["recycle_bin"]


def test_a_value_that_fails_later_is_named_with_its_variable_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IOCSWEEP_TOKEN_FILE", "/nowhere.token")
    assert cli.main(["--collector", "https://c.example"]) == 2
    assert "IOCSWEEP_TOKEN_FILE: /nowhere.token: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('"w48"', 'IOCSWEEP_SWEEP_ID: "w48": the quotes would be part of it'),
        ("w48 ", "IOCSWEEP_SWEEP_ID: 'w48 ': the blank at its end would be part of it"),
    ],
)
def test_what_a_shell_leaves_in_a_value_is_refused(value: str, why: str) -> None:
    """``set X="w48"`` and ``set X=w48 & iocsweep`` of cmd do."""
    with pytest.raises(UsageError) as error:
        parse([], {"IOCSWEEP_SWEEP_ID": value})
    assert why in str(error.value)


def test_variables_of_a_fleet_keep_no_other_command_from_answering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever preset they name: that is of sweeps."""
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "reports").mkdir(parents=True, mode=0o700)
    (tmp_path / "home" / "reports" / f"h-{'0' * 32}.json").write_text("{}")
    monkeypatch.setenv("IOCSWEEP_PRESET", "intune")
    assert cli.main(["clean"]) == 4
    assert "nothing was removed: nobody but this host has" in capsys.readouterr().err
    assert cli.main(["clean", "--quite"]) == 2
    assert "did you mean --quiet" in capsys.readouterr().err
    monkeypatch.setenv("IOCSWEEP_QUIET", "1")
    assert cli.main(["render", "/nowhere.json"]) == 2
    assert capsys.readouterr().out == ""
