"""What to walk on a Linux host, so that every file is reached once and nothing hangs.

From ``/proc/self/mountinfo`` (proc_pid_mountinfo(5)): file systems that are none are left out,
network
ones are left out and said, and a bind mount of a tree that is walked anyway is not walked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field

from .. import Root, SkippedVolume

_PSEUDO = frozenset(
    [
        "proc",
        "sysfs",
        "devtmpfs",
        "devpts",
        "cgroup",
        "cgroup2",
        "securityfs",
        "debugfs",
        "tracefs",
        "pstore",
        "bpf",
        "configfs",
        "fusectl",
        "mqueue",
        "hugetlbfs",
        "autofs",
        "binfmt_misc",
        "efivarfs",
        "rpc_pipefs",
        "nsfs",
        "selinuxfs",
        "nfsd",
        "fuse.portal",
        "fuse.lxcfs",
        "fuse.gvfsd-fuse",
    ]
)
"""Views of the kernel or of another program, with no files of their own."""
_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "9p",
        "virtiofs",
        "glusterfs",
        "lustre",
        "gfs",
        "gfs2",
        "ocfs2",
        "davfs",
        "beegfs",
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.davfs",
        "fuse.ceph",
        "fuse.cephfs",
        "fuse.google-drive-ocamlfuse",
        "fuse.onedriver",
        "prl_fs",
        "vboxsf",
        "vmhgfs",
        "fuse.vmhgfs-fuse",
    ]
)
"""Somebody else's disk, and perhaps a recall from the cloud for every file that is opened."""
_OPTICAL = frozenset({"iso9660", "udf"})
_LOCAL_FUSE = frozenset(
    [
        "fuseblk",
        "fuse.ntfs-3g",
        "fuse.ntfs",
        "fuse.exfat",
        "fuse.ext2",
        "fuse.ext4",
        "fuse.mergerfs",
        "fuse.encfs",
        "fuse.gocryptfs",
        "fuse.snapfuse",
        "fuse.squashfuse",
        "fuse.fuse-overlayfs",
    ]
)


class Mount(Struct, frozen=True):
    """One line of mountinfo."""

    device: str
    """``major:minor``"""
    top: str
    """The folder of the file system that is seen at ``path``; ``/`` is all of it."""
    path: str
    kind: str
    source: str = ""


class Layout(Struct, frozen=True):
    """What to walk, what is left out, and where a walk must stop."""

    roots: Sequence[Root]
    skipped: Sequence[SkippedVolume]
    boundaries: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    """Of the boundaries those whose files are walked at another place, if all is."""
    also_at: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Further places of volumes that have several, by the path that they are known by here."""

    def places(self, path: str) -> Sequence[str]:
        """All places of a volume."""
        return (path, *self.also_at.get(path, ()))


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts in order; lines that are not understood are left out."""
    mounts = []
    for line in text.split("\n"):
        before, dash, after = line.partition(" - ")
        fields, more = before.split(" "), after.split(" ")
        if not dash or len(fields) < 6 or len(more) < 2:
            continue
        mounts.append(
            Mount(
                device=fields[2],
                top=_unescape(fields[3]),
                path=_unescape(fields[4]),
                kind=more[0],
                source=_unescape(more[1]),
            )
        )
    return mounts


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def layout(
    mounts: Iterable[Mount],
    *,
    is_removable: Callable[[str], bool] = lambda _device: False,
    removable: bool = False,
) -> Layout:
    """Roots such that every real file system is walked once; ``/`` is always one of them."""
    # A later mount hides an earlier one at the same place.
    visible = {mount.path: mount for mount in mounts}
    reasons = {path: _left_out(mount) for path, mount in visible.items()}
    skipped = [
        SkippedVolume(path=path, reason=reason.text, gap=reason.gap)
        for path, reason in reasons.items()
        if reason is not None and reason.text
    ]
    boundaries = {path for path, reason in reasons.items() if reason is not None}
    walked = {path: mount for path, mount in visible.items() if path not in boundaries}
    again = _seen_elsewhere(walked)
    for path in again:
        boundaries.add(path)
        del walked[path]
    if not removable:
        for path, mount in list(walked.items()):
            if path != "/" and is_removable(mount.device):
                boundaries.add(path)
                skipped.append(SkippedVolume(path=path, reason="removable medium", gap=False))
                del walked[path]
    boundaries.discard("/")
    roots = [Root("/", _described(visible.get("/")))]
    # What lies below a boundary is not reached from above: it needs a root of its own.
    for path, mount in sorted(walked.items()):
        if path != "/" and _nearest(path, visible) in boundaries:
            roots.append(Root(path, _described(mount)))
    skipped.sort(key=lambda volume: volume.path)
    return Layout(roots, skipped, frozenset(boundaries), frozenset(again))


class _LeftOut(Struct, frozen=True):
    text: str = ""
    """Empty: not worth a word."""
    gap: bool = False


def _left_out(mount: Mount) -> _LeftOut | None:
    if mount.path == "/":
        return None
    if mount.kind in _PSEUDO:
        return _LeftOut()
    if mount.kind in _NETWORK:
        return _LeftOut(f"network file system ({mount.kind})")
    if mount.kind in _OPTICAL:
        return _LeftOut(f"optical medium or its image ({mount.kind})")
    if mount.kind == "overlay":
        return _LeftOut("layers of a container, walked where they lie")
    if mount.kind.startswith("fuse") and mount.kind not in _LOCAL_FUSE:
        return _LeftOut(f"file system of a program ({mount.kind}), which may be remote", gap=True)
    return None


def _seen_elsewhere(walked: dict[str, Mount]) -> list[str]:
    """Mounts that show a part of a file system of which as much or more is walked at another
    place.
    """
    again = []
    kept: dict[str, list[Mount]] = {}
    # The largest part first; of equals the root and then the shortest path.
    for path, mount in sorted(walked.items(), key=lambda item: (len(item[1].top), len(item[0]))):
        others = kept.setdefault(mount.device, [])
        if path != "/" and any(_within(mount.top, other.top) for other in others):
            again.append(path)
        else:
            others.append(mount)
    return again


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _nearest(path: str, mounts: dict[str, Mount]) -> str:
    """The mount point that this mount point lies in."""
    while path != "/":
        path = path.rsplit("/", 1)[0] or "/"
        if path in mounts:
            return path
    return "/"


def _described(mount: Mount | None) -> str:
    return f"{mount.path} {mount.kind}" if mount else ""
