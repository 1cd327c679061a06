"""Who a host was, beyond its name: its users, drives and network cards, as its registry tells."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from .objects import Part

MAX_TOLD = 64
"""Of each kind in a report."""


class Account(Part, kw_only=True, gc=False):
    """A user who has a profile on the host."""

    id: str
    """SID."""
    name: str
    """Of the profile's folder, which an account keeps when it is renamed."""
    profile: str
    """The folder, as the registry writes it."""
    last_loaded: datetime | None = None
    """When the profile was loaded last: since Windows 10, with a logon; UTC."""


class Drive(Part, kw_only=True, gc=False):
    """A letter, and what stood behind it last."""

    letter: str
    """``C:``"""
    device: str
    """``GPT partition {…}``, ``disk 1a2b3c4d, byte 1048576`` or a device's path."""


class NetworkCard(Part, kw_only=True, gc=False):
    """A network interface, as TCP/IP was set up on it."""

    id: str
    """GUID in braces."""
    name: str = ""
    """``Ethernet``"""
    ip: list[str] = []
    dhcp: bool | None = None
    domain: str = ""
    """The suffix of DNS."""
    dhcp_server: str = ""
    leased: datetime | None = None
    """When the last lease was had; UTC."""
    lease_expires: datetime | None = None


Accounts = Annotated[list[Account], Meta(max_length=MAX_TOLD)]
Drives = Annotated[list[Drive], Meta(max_length=MAX_TOLD)]
NetworkCards = Annotated[list[NetworkCard], Meta(max_length=MAX_TOLD)]
