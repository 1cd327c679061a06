"""What ``offline`` is given: folders and files, images, or both, and images of memory."""

from __future__ import annotations

from collections.abc import Sequence

from ...matching.own_traces import Own
from ...spelling import lies_below, whole_path
from ..volume_keys import VolumeKey
from .at_rest import TargetError
from .containers.opening import is_medium
from .folder import FolderTarget
from .image import ImageTarget
from .joined import JoinedTarget
from .memory import MemoryTarget
from .memory_image import is_memory

MEMORY = "memory"
"""As what something may be given."""


def offline_target(
    *paths: str,
    own: Own,
    keys: Sequence[VolumeKey] = (),
    installation: str = "",
    called: Sequence[str] = (),
    given_as: str = "",
) -> OfflineTarget:
    """``keys``: of locked volumes; ``installation``: of several hosts on an image, the name of the
    one that is meant; ``called``: names of the only host that all is of; ``given_as``: what all of
    it is (``memory``), whatever its bytes look like.

    Raises TargetError for what cannot be swept.
    """
    memories = [path for path in paths if given_as == MEMORY or is_memory(path)]
    if memories and len(memories) == len(paths):
        return MemoryTarget(*memories, own=own, called=called)
    paths = tuple(path for path in paths if path not in memories)
    images = [path for path in paths if is_medium(path)]
    if not images:
        return FolderTarget(*paths, own=own, keys=keys, called=called, memories=memories)
    given = ImageTarget(
        *images, own=own, keys=keys, installation=installation, called=called, memories=memories
    )
    if len(images) == len(paths):
        return given
    folders = [path for path in paths if path not in images]
    _refuse_twice(images, folders)
    return JoinedTarget(given, FolderTarget(*folders, own=own, keys=keys, called=called))


def _refuse_twice(images: Sequence[str], folders: Sequence[str]) -> None:
    """Raises TargetError for an image that is swept with the folder that it lies in."""
    for image in images:
        for folder in folders:
            if lies_below(whole_path(image), whole_path(folder)):
                raise TargetError(f"{image}: lies in {folder}, which is given too; give one")


OfflineTarget = FolderTarget | ImageTarget | JoinedTarget | MemoryTarget
