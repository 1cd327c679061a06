"""Evidence at rest of one host that lies in images and in folders or archives: a disk beside a
collection of what was in use on another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ...coverage import Ledger
from ...model import report as model
from .. import Root, SkippedVolume
from ..evidence import EvidenceFile
from .at_rest import AtRest
from .folder import FolderTarget
from .image import ImageTarget
from .media import SharedMedium
from .windows_at_rest import Volume


class JoinedTarget(AtRest):
    """The target of ``offline IMAGE… FOLDER…``.

    Each part keeps its own paths, so that a gap names the part that it is in; what is found is
    known by the paths that the host knew, and so it is the same finding as in a sweep of that part
    alone.
    """

    def __init__(self, images: ImageTarget, folders: FolderTarget) -> None:
        super().__init__(
            *images.paths,
            *folders.paths,
            own=images.own,
            now=images.now,
            keys=images.keys,
            installation=images.installation,
            called=images.called,
            memories=[memory.path for memory in images.memories],
        )
        self._of_images = images
        self._of_folders = folders

    @cached_property
    def images(self) -> Sequence[SharedMedium]:
        """Those among what was given."""
        return self._of_images.images

    @property
    def platform(self) -> str:
        """As of images."""
        return self._of_images.platform

    def describe(self) -> model.Target:
        """All that was given, images first, as absolute paths."""
        return model.Target(
            kind=model.TargetKind.IMAGE, paths=self.given, collected=self.is_collected
        )

    def host(self) -> model.Host:
        """Who it says it was, wherever its Windows lies; else as of the images."""
        return self._called(self._identity() or self._of_images.by_volume())

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """Of all parts."""
        self._hosts  # noqa: B018 - raises SeveralHosts
        parts = [part.roots() for part in (self._of_images, self._of_folders)]
        return (
            [root for roots, _ in parts for root in roots],
            [one for _, skipped in parts for one in skipped],
        )

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        """Of every Windows that lies there, and of what lies there without one."""
        yield from super().evidence(patterns, ledger)
        yield from self._of_folders.loose().evidence(patterns, ledger)

    def _volumes_at_rest(self) -> list[Volume]:
        return [*self._of_images.volumes, *self._of_folders.volumes]
