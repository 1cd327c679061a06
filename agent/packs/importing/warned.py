"""Values that every host has, which feeds and reports name all the same.

What is here was written for it, each list with what it holds; what others list is in
``warned_lists.py``, with its source. What stands on one is taken as weak and told: nothing is
dropped for it, since an intruder may use any of these. Lists of MISP that are given beside a feed
are asked as well (``warning_list.py``): a ranking of the day, or the hashes of a Windows, would be
old here in a month.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import cache

from .warned_lists import (
    ASKED_BY_WINDOWS,
    CDN,
    EICAR,
    OF_ANYBODY,
    OFTEN_LISTED,
    RESOLVERS,
    SINKHOLES,
    SUFFIXES,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WINDOWS_NAMES = """
    advapi32.dll amcache.hve amsi.dll at.exe attrib.exe audiodg.exe bcrypt.dll bitsadmin.exe
    bcdedit.exe bootmgr cacls.exe calc.exe certutil.exe cmd.exe cmstp.exe comctl32.dll comdlg32.dll
    conhost.exe control.exe crypt32.dll cryptbase.dll cryptsp.dll cscript.exe csrss.exe ctfmon.exe
    curl.exe dbghelp.dll dfrgui.exe dllhost.exe dnsapi.dll dwm.exe dwmapi.dll esentutl.exe
    eventvwr.exe explorer.exe expand.exe findstr.exe fontdrvhost.exe forfiles.exe ftp.exe gdi32.dll
    gpupdate.exe hh.exe hiberfil.sys hosts icacls.exe imm32.dll infdefaultinstall.exe
    installutil.exe ipconfig.exe iphlpapi.dll kernel32.dll kernelbase.dll logonui.exe lsaiso.exe
    lsass.exe makecab.exe mavinject.exe mmc.exe mpcmdrun.exe mpr.dll mscoree.dll msbuild.exe
    msdt.exe mshta.exe msiexec.exe msimg32.dll msmpeng.exe mstsc.exe msvcrt.dll mswsock.dll net.exe
    net1.exe netapi32.dll netsh.exe netstat.exe nltest.exe notepad.exe nslookup.exe ntdll.dll
    ntoskrnl.exe ntuser.dat odbcconf.exe ole32.dll oleaut32.dll pagefile.sys ping.exe
    powershell.exe powershell_ise.exe profapi.dll propsys.dll pwsh.exe reg.exe regasm.exe
    regedit.exe regsvcs.exe regsvr32.exe robocopy.exe rpcrt4.dll rundll32.exe runtimebroker.exe
    sc.exe schtasks.exe searchindexer.exe secur32.dll services.exe setupapi.dll shell32.dll
    shlwapi.dll shutdown.exe sihost.exe smss.exe spoolsv.exe sspicli.dll svchost.exe swapfile.sys
    systeminfo.exe tar.exe taskeng.exe taskhostw.exe taskkill.exe tasklist.exe taskmgr.exe
    urlmon.dll user32.dll userenv.dll userinit.exe uxtheme.dll version.dll vssadmin.exe
    wbengine.exe werfault.exe wermgr.exe wevtutil.exe whoami.exe winhttp.dll wininet.dll
    wininit.exe winlogon.exe winmm.dll winword.exe wmiprvse.exe ws2_32.dll wscript.exe wmic.exe
    wtsapi32.dll wuauclt.exe wusa.exe xcopy.exe excel.exe outlook.exe powerpnt.exe chrome.exe
    msedge.exe firefox.exe iexplore.exe desktop.ini thumbs.db autorun.inf
"""
WINDOWS_NAMES = frozenset(_WINDOWS_NAMES.split())
"""Programs, libraries and hives of every Windows 10 and 11, the browsers, Microsoft Office, and
what Explorer writes into folders."""

_TOP_DOMAINS = """
    akamai.net akamaized.net amazon.com amazonaws.com apple.com azure.com azureedge.net bing.com
    bit.ly bitbucket.org cloudflare.com cloudfront.net digicert.com discord.com dropbox.com
    facebook.com fastly.net fbcdn.net ggpht.com github.com githubusercontent.com gmail.com
    google.com googleapis.com gstatic.com icloud.com instagram.com ipify.org letsencrypt.org
    linkedin.com live.com microsoft.com microsoftonline.com mozilla.org msftconnecttest.com
    office.com office365.com onedrive.com outlook.com pastebin.com sharepoint.com skype.com
    slack.com telegram.org twitter.com verisign.com virustotal.com whatsapp.com wikipedia.org
    windows.com windows.net windowsupdate.com wordpress.com x.com yahoo.com yandex.ru youtube.com
"""
TOP_DOMAINS = frozenset(_TOP_DOMAINS.split())
"""Services that Windows, browsers and offices ask for every day, and networks that serve the pages
of others."""
_LOCAL_TOPS = frozenset(
    ("arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain",
     "localhost", "private")
)  # fmt: skip
"""RFC 6761; RFC 6762, 3 and appendix G; RFC 8375; ICANN's resolution 2024.07.29.06 (internal)."""
_EXAMPLES = frozenset(("example.com", "example.net", "example.org"))
"""RFC 2606, 3."""

_EVERYDAY = "most hosts ask for this domain and for names below it: weak"
_ANYBODY = "below this name anybody may put what he likes: weak"
_SUFFIX = "a registry, and no domain: all that is registered below it: weak"
_LOCAL = "a name of local networks, or reserved: weak"
_FOR_EXAMPLES = "a domain that documents use for examples: weak"


_ITS_FOLDERS = re.compile(
    r"(?:^|\\)(?:windows(?:\\(?:system32|syswow64)(?:\\(?:wbem|windowspowershell\\v1\.0))?)?)\\[^\\]+$"
)


def of_windows(name: str) -> str:
    """What to tell of a file's name; empty if nothing."""
    if name.lower() in WINDOWS_NAMES:
        return "every Windows has a file of this name: weak"
    return ""


def path_of_windows(path: str) -> str:
    """What to tell of a file's path, with backslashes; empty if nothing."""
    folded = path.lower()
    if folded.rpartition("\\")[2] in WINDOWS_NAMES and _ITS_FOLDERS.search(folded):
        return "Windows' own file, in its own folder: weak"
    return ""


# Domains


def covering(names: Iterable[str]) -> frozenset[str]:
    """These names and all above them but the last label: what covers one of them."""
    found: set[str] = set()
    for name in names:
        labels = name.split(".")
        found.update(".".join(labels[n:]) for n in range(len(labels) - 1))
    return frozenset(found)


@cache
def _listed_domains() -> dict[str, str]:
    """What to tell of each."""
    return {
        **dict.fromkeys(covering(OF_ANYBODY), _ANYBODY),
        **dict.fromkeys(covering(ASKED_BY_WINDOWS) | TOP_DOMAINS, _EVERYDAY),
        **dict.fromkeys(_EXAMPLES, _FOR_EXAMPLES),
    }


def top_domain(name: str) -> str:
    """What to tell of a domain, which covers all names below it; empty if nothing."""
    name = name.lower().rstrip(".").removeprefix("www.")
    first, _, top = name.rpartition(".")
    if top in SUFFIXES.get(first, "").split():
        return _SUFFIX
    if first and top in _LOCAL_TOPS:
        return _LOCAL
    return _listed_domains().get(name, "")


# Addresses


def unmapped(network: Network) -> Network:
    """The IPv4 address that one of IPv6 stands for (RFC 4291, 2.5.5.2); else as it is."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}", strict=False)


def not_public(network: Network) -> tuple[str, str]:
    """What to tell of an address that is no public one, and why it can be none at all; each
    empty if that is not so."""
    if network.is_loopback or network.is_unspecified or network.is_multicast:
        return "", "loopback, multicast or no address: every host has it"
    if network.is_link_local or network == ipaddress.ip_network("255.255.255.255/32"):
        return "", "an address of the local link: every host has such"
    if not network.is_global:
        return "a private or reserved address: another network has it too", ""
    return "", ""


class Networks:
    """Addresses and blocks, asked which of them holds an address, or lies in a block."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Texts that are neither are counted alone."""
        self.unread = 0
        self._blocks: dict[tuple[int, int], set[int]] = {}
        """By version and length of the prefix: first addresses."""
        self._all: list[Network] = []
        for text in texts:
            try:
                network = ipaddress.ip_network(text.strip(), strict=False)
            except ValueError:
                self.unread += 1
                continue
            key = network.version, network.prefixlen
            self._blocks.setdefault(key, set()).add(int(network.network_address))
            self._all.append(network)

    def meets(self, network: Network) -> bool:
        """Whether one of them and this have an address in common."""
        first = int(network.network_address)
        for (version, length), starts in self._blocks.items():
            if version == network.version and length <= network.prefixlen:
                bits = network.max_prefixlen - length
                if first >> bits << bits in starts:
                    return True
        if network.num_addresses == 1:
            return False
        return any(
            one.version == network.version
            and first <= int(one.network_address) <= int(network.broadcast_address)
            for one in self._all
        )


@cache
def _listed_addresses() -> list[tuple[Networks, str]]:
    """With what to tell of each."""
    resolvers = [
        (Networks(addresses.split()), f"a public resolver of names ({who}): many hosts ask it")
        for who, addresses in RESOLVERS.items()
    ]
    return [
        *resolvers,
        (Networks(SINKHOLES), "a sinkhole: whoever asks there may be infected, all the same"),
        (Networks(CDN), "of a network that serves many sites (Cloudflare, Fastly)"),
    ]


def shared_address(network: Network) -> str:
    """What to tell of a public address that many ask; empty if nothing."""
    return next((told for some, told in _listed_addresses() if some.meets(network)), "")


# Hashes


def _trivial_contents() -> Iterator[tuple[bytes, str]]:
    for number in range(256):
        yield bytes((number,)), "one byte"
    for content in (b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r"):
        yield content, "a line end"
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        yield mark, "a byte order mark"
    yield b"\xef\xbb\xbf\r\n", "a byte order mark and a line end"
    yield b"\xff\xfe\r\0\n\0", "a byte order mark and a line end"
    for content in (b"{}", b"[]", b"{}\n", b"[]\n", b"null", b"foo\n", b"test\n", b"test"):
        yield content, "a word or a bracket"
    for power in range(1, 21):
        yield bytes(1 << power), "zeros"


@cache
def _known_hashes() -> dict[str, str]:
    """What to tell of each."""
    found = dict.fromkeys(OFTEN_LISTED, "on MISP's list of hashes of many files: weak")
    found.update(dict.fromkeys(EICAR, "the test file of antivirus programs (EICAR): weak"))
    for content, what in _trivial_contents():
        for name in ("md5", "sha1", "sha256"):
            digest = hashlib.new(name, content, usedforsecurity=False).hexdigest()
            found[digest] = f"the hash of nothing but {what}: weak"
    for name in ("md5", "sha1", "sha256"):  # of an empty file there is no indicator at all
        found.pop(hashlib.new(name, b"", usedforsecurity=False).hexdigest(), None)
    return found


def known_hash(digest: str) -> str:
    """What to tell of a hash in lower case; empty if nothing."""
    return _known_hashes().get(digest, "")
