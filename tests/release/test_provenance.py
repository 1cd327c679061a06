"""Where a release says that it comes from."""

from __future__ import annotations

from provenance import Inputs, statement

COMMIT = "5d" * 20
INPUTS = Inputs(
    kind="release",
    commit=COMMIT,
    epoch=1_796_000_000,
    files={"requirements/exe.lock": "ab" * 32},
    purls={"pkg:pypi/foo@1": "", "pkg:generic/python@3.13.1": "cd" * 32},
)
GITHUB = {
    "RUNNER_ENVIRONMENT": "github-hosted",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "who/iocsweep",
    "GITHUB_REF": "refs/tags/v1",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
}


def test_a_statement_has_what_slsa_asks_for() -> None:
    said = statement(INPUTS, {"iocsweep.exe": "ef" * 32}, {})
    assert said == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "iocsweep.exe", "digest": {"sha256": "ef" * 32}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:iocsweep:build-type:release:1",
                "externalParameters": {"revision": COMMIT},
                "internalParameters": {"SOURCE_DATE_EPOCH": "1796000000", "build": "release"},
                "resolvedDependencies": [
                    {"name": "iocsweep", "digest": {"gitCommit": COMMIT}},
                    {"name": "requirements/exe.lock", "digest": {"sha256": "ab" * 32}},
                    {"uri": "pkg:generic/python@3.13.1", "digest": {"sha256": "cd" * 32}},
                    {"uri": "pkg:pypi/foo@1"},
                ],
            },
            "runDetails": {"builder": {"id": "urn:iocsweep:builder:windows"}},
        },
    }


def test_a_run_of_github_is_named_and_so_is_the_repository() -> None:
    predicate = statement(INPUTS, {}, GITHUB)["predicate"]
    source = predicate["buildDefinition"]["resolvedDependencies"][0]
    assert source["uri"] == "git+https://github.com/who/iocsweep@refs/tags/v1"
    assert predicate["runDetails"] == {
        "builder": {"id": "https://github.com/actions/runner/github-hosted"},
        "metadata": {"invocationId": "https://github.com/who/iocsweep/actions/runs/7/attempts/2"},
    }


def test_settings_that_went_into_the_exe_are_a_parameter() -> None:
    own = Inputs("wine-test", COMMIT, 1, {}, {}, delivery="12" * 32)
    definition = statement(own, {}, {})["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"revision": COMMIT, "delivery": "12" * 32}
