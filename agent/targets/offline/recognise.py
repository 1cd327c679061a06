"""What ``offline`` is given: folders and files, or images."""

from __future__ import annotations

from ...matching.own_traces import Own
from .at_rest import TargetError
from .folder import FolderTarget
from .image import ImageTarget, is_ntfs_image


def offline_target(*paths: str, own: Own) -> FolderTarget | ImageTarget:
    """Raises TargetError for what cannot be swept, and for images and folders together."""
    images = sum(is_ntfs_image(path) for path in paths)
    if not images:
        return FolderTarget(*paths, own=own)
    if images < len(paths):
        raise TargetError("images and folders together: sweep them one after the other")
    return ImageTarget(*paths, own=own)
