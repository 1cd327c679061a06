r"""The example's log: which programs it started.

Evidence: ``%ProgramData%\Example\*.log``, one line for each program. Since: Example 1.0. Cannot
tell: what was started by anything else, and whether it ran to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...formats.example_log import read_example_log
from ...model.objects import Process, User
from ...model.observation import ByteHit, Claim, Observation, moments
from ..artefact import WholeFile
from ..places import place_in

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile


class ExampleLog(WholeFile):
    """One observation for each program."""

    name = "example_log"
    kind = "example log"
    where = (r"%ProgramData%\Example\*.log",)
    max_bytes = 64 << 20

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """The lines, each with what it mentions: a hash is compared with no command line."""
        for started in read_example_log(data):
            yield Observation(
                source=self.name,
                seen=self.kind,
                claim=Claim.RAN,
                place=place_in(file, str(started.number), f"{file.path}, line {started.number}"),
                moments=moments(ran=started.time),
                process=Process(command_line=started.command_line, user=User(name=started.user)),
                hits=tuple(hit for hit in hits if started.offset <= hit.offset < started.end),
            )
