r"""What hives say of how the host reaches the network, and of the networks that it was in.

- Proxies and scripts (PAC): ``Internet Settings`` with ``ProxyServer`` and ``AutoConfigURL``, of
  each user, of the machine and by policy; the same in one value in ``Connections``
  (``DefaultConnectionSettings``, ``WinHttpSettings``); ``iphlpsvc\Parameters\ProxyMgr``.
- Networks: ``NetworkList\Profiles`` with the name and, in the host's own time, when it was joined
  first and last, and ``Signatures`` with its DNS suffix.

Microsoft Learn, "Proxy Settings in WinINet" and "netsh winhttp"; libyal's winreg-kb, "Network".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timezone

from ...formats import FormatError
from ...formats.hive import Key
from ...formats.proxy_settings import read_proxy_settings
from ...model.objects import Url
from ...model.observation import Claim, moments
from ...spelling import fold
from ..remembered import Remembered
from .spot import Spot

_SCRIPTS = frozenset({"AUTOCONFIGURL"})
_PROXIES = frozenset({"PROXYSERVER", "STATICPROXY"})
_WHOLE = frozenset({"DEFAULTCONNECTIONSETTINGS", "SAVEDLEGACYSETTINGS", "WINHTTPSETTINGS"})
_SET = "a setting: Windows goes there by itself as long as it is set"
LOCAL = "the network's times are the host's own, told as if they were UTC"
MAX_PROXIES = 64
"""Of one text."""


def proxy_setting(spot: Spot) -> Iterator[Remembered]:
    """What is asked for a way to the web, or is the way. Raises FormatError."""
    if spot.value is None:
        return
    name = fold(spot.value.name)
    proxies, script = "", ""
    if name in _WHOLE:
        settings = read_proxy_settings(spot.value.data)
        proxies, script = settings.proxy, settings.script
    elif name in _PROXIES:
        proxies = spot.value.text
    elif name in _SCRIPTS:
        script = spot.value.text
    when = spot.key.written
    if script:
        yield _way("address of a proxy's script", script, script, when)
    for proxy in proxies.replace(" ", ";").split(";")[:MAX_PROXIES]:
        if proxy:
            address = proxy.rpartition("=")[2]
            url = address if "://" in address else f"http://{address}"
            yield _way("proxy of the host", proxy, url, when)


def _way(seen: str, text: str, url: str, when: datetime | None) -> Remembered:
    return Remembered(
        seen=seen,
        claim=Claim.VISITED,
        texts=(text,),
        moments=moments(modified=when),
        url=Url(full=url),
        record=text,
        remarks=(_SET,),
    )


def network(spot: Spot) -> Iterator[Remembered]:
    """A network by its names."""
    texts = {fold(value.name): _text_of(value.data) for value in spot.key.values() if value.data}
    names = [texts.get(name, "") for name in ("PROFILENAME", "DESCRIPTION", "FIRSTNETWORK")]
    suffix = texts.get("DNSSUFFIX", "")
    first, last = (_time(spot.key, name) for name in ("DateCreated", "DateLastConnected"))
    yield Remembered(
        seen="network that the host was in",
        claim=Claim.LOGGED,
        texts=(*names, suffix),
        moments=moments(created=first, connected=last),
        remarks=(LOCAL,) if first or last else (),
    )


def _text_of(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]


def _time(key: Key, name: str) -> datetime | None:
    """A SYSTEMTIME, as if it were UTC; None: none."""
    value = key.value(name)
    try:
        data = value.data if value is not None else b""
    except FormatError:
        return None
    if len(data) < 16:
        return None
    year, month, _, day, hour, minute, second, _ = struct.unpack_from("<8H", data)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
