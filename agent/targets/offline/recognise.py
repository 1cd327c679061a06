"""What ``offline`` is given: folders and files, or images."""

from __future__ import annotations

from collections.abc import Sequence

from ...matching.own_traces import Own
from ..volume_keys import VolumeKey
from .at_rest import TargetError
from .containers.opening import is_medium, is_raw_disk
from .folder import FolderTarget
from .image import ImageTarget


def offline_target(
    *paths: str, own: Own, keys: Sequence[VolumeKey] = (), installation: str = ""
) -> FolderTarget | ImageTarget:
    """``keys``: of locked volumes; ``installation``: of several hosts on an image, the name of the
    one that is meant.

    Raises TargetError for what cannot be swept, and for images and folders together: but for raw
    disks, whose volumes are swept as a folder's are.
    """
    images = [path for path in paths if is_medium(path)]
    if not images:
        return FolderTarget(*paths, own=own, keys=keys)
    if len(images) == len(paths):
        return ImageTarget(*paths, own=own, keys=keys, installation=installation)
    if all(is_raw_disk(path) for path in images):
        return FolderTarget(*paths, own=own, keys=keys)
    raise TargetError("images and folders together: sweep them one after the other")
