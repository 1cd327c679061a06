"""Evidence at rest of which there is nothing but memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ...matching.own_traces import Own
from ...model import report as model
from ...reading.opening import reason_of
from .. import Root, SkippedVolume
from .at_rest import AtRest, TargetError
from .windows_at_rest import Volume


class MemoryTarget(AtRest):
    """The target of ``offline MEMORY…``, of whose host there is nothing else."""

    def __init__(
        self,
        *paths: str,
        own: Own,
        now: Callable[[], datetime] | None = None,
        called: Sequence[str] = (),
    ) -> None:
        """Raises TargetError for what cannot be read."""
        super().__init__(own=own, now=now, called=called, memories=paths)
        for image in self.memories:
            try:
                image.form  # noqa: B018 - what cannot be read is told here
            except OSError as error:
                raise TargetError(f"{image.path}: {reason_of(error)}") from error

    @property
    def platform(self) -> str:
        """Windows, unless its form is one of Linux' tools."""
        return "windows" if any(one.form.is_windows for one in self.memories) else "linux"

    def describe(self) -> model.Target:
        """The images, as absolute paths."""
        return model.Target(kind=model.TargetKind.MEMORY, paths=self.given)

    def host(self) -> model.Host:
        """Known by the first image's content alone."""
        first = self.memories[0]
        told = model.Host(id=f"{model.BY_MEMORY}{first.identity()}", name=first.name or first.path)
        return self._called(told)

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """No files lie in it that could be looked at."""
        return (), ()

    def _volumes_at_rest(self) -> list[Volume]:
        return []
