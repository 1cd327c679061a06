"""Where a release comes from: an in-toto statement with SLSA's provenance.

Form: in-toto Attestation Framework, "Statement" v1; SLSA, "Provenance" v1. What its build type
means is in docs/verify-a-release.md. It holds no time of the run, so that the same input gives the
same bytes, but on GitHub's runners, where it names the run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BUILD_TYPE = "urn:iocsweep:build-type:release:1"
_BUILDERS = {
    "wine-test": "urn:iocsweep:builder:wine-lab",
    "release": "urn:iocsweep:builder:windows",
}
_GITHUB = "https://github.com/actions/runner/github-hosted"


@dataclass(frozen=True)
class Inputs:
    """What a release was made of.

    commit: its id in git; epoch: the commit's time in seconds; files: SHA-256 by path of what pins
    the rest; purls: what was installed, with its SHA-256 if one is known.
    """

    kind: str
    commit: str
    epoch: int
    files: Mapping[str, str]
    purls: Mapping[str, str]
    delivery: str = ""


def statement(
    inputs: Inputs, outputs: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """The statement about these outputs (SHA-256 by path)."""
    hosted = environment.get("RUNNER_ENVIRONMENT") == "github-hosted"
    details: dict[str, Any] = {"builder": {"id": _GITHUB if hosted else _BUILDERS[inputs.kind]}}
    source: dict[str, Any] = {"name": "iocsweep", "digest": {"gitCommit": inputs.commit}}
    if hosted:
        server, repository = environment["GITHUB_SERVER_URL"], environment["GITHUB_REPOSITORY"]
        source["uri"] = f"git+{server}/{repository}@{environment['GITHUB_REF']}"
        run = f"{environment['GITHUB_RUN_ID']}/attempts/{environment['GITHUB_RUN_ATTEMPT']}"
        details["metadata"] = {"invocationId": f"{server}/{repository}/actions/runs/{run}"}
    asked: dict[str, Any] = {"revision": inputs.commit}
    if inputs.delivery:
        asked["delivery"] = inputs.delivery
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": _digests("name", outputs),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": asked,
                "internalParameters": {
                    "SOURCE_DATE_EPOCH": str(inputs.epoch),
                    "build": inputs.kind,
                },
                "resolvedDependencies": [
                    source,
                    *_digests("name", inputs.files),
                    *_digests("uri", inputs.purls),
                ],
            },
            "runDetails": details,
        },
    }


def _digests(key: str, known: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    """Resource descriptors by name or address, each with its SHA-256 where one is known."""
    return [
        {key: what, **({"digest": {"sha256": digest}} if digest else {})}
        for what, digest in sorted(known.items())
    ]
