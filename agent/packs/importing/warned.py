"""Values that every host has, which feeds and reports name all the same.

Three small lists, each with where it comes from. What stands on one is taken as weak and told:
nothing is dropped for it, since an intruder may use any of these names.
"""

from __future__ import annotations

import ipaddress
import re

_WINDOWS_NAMES = """
    at.exe attrib.exe audiodg.exe bitsadmin.exe bcdedit.exe cacls.exe calc.exe certutil.exe cmd.exe
    comctl32.dll conhost.exe control.exe cscript.exe csrss.exe curl.exe dllhost.exe dwm.exe
    esentutl.exe explorer.exe expand.exe findstr.exe fontdrvhost.exe forfiles.exe ftp.exe gdi32.dll
    hh.exe hosts icacls.exe ipconfig.exe kernel32.dll kernelbase.dll logonui.exe lsass.exe
    lsaiso.exe makecab.exe mmc.exe mpcmdrun.exe mscoree.dll msbuild.exe mshta.exe msiexec.exe
    msmpeng.exe mstsc.exe msvcrt.dll net.exe net1.exe netsh.exe netstat.exe nltest.exe notepad.exe
    nslookup.exe ntdll.dll ntoskrnl.exe ole32.dll ping.exe powershell.exe powershell_ise.exe
    pwsh.exe reg.exe regedit.exe regsvr32.exe robocopy.exe rundll32.exe runtimebroker.exe sc.exe
    schtasks.exe searchindexer.exe services.exe shell32.dll shutdown.exe sihost.exe smss.exe
    spoolsv.exe svchost.exe systeminfo.exe tar.exe taskeng.exe taskhostw.exe taskkill.exe
    tasklist.exe taskmgr.exe user32.dll userinit.exe vssadmin.exe wbengine.exe wermgr.exe
    wevtutil.exe whoami.exe wininet.dll wininit.exe winlogon.exe winword.exe wmiprvse.exe
    ws2_32.dll wscript.exe wmic.exe wuauclt.exe xcopy.exe excel.exe outlook.exe chrome.exe
    msedge.exe firefox.exe iexplore.exe desktop.ini thumbs.db autorun.inf
"""
WINDOWS_NAMES = frozenset(_WINDOWS_NAMES.split())
"""Written for this list: programs and libraries in %SystemRoot% of every Windows 10 and 11, the
browsers, Microsoft Office, and what Explorer writes into folders."""

_TOP_DOMAINS = """
    akamai.net amazon.com amazonaws.com apple.com azure.com azureedge.net bing.com bit.ly
    bitbucket.org cloudflare.com cloudfront.net digicert.com discord.com dropbox.com facebook.com
    ggpht.com github.com githubusercontent.com gmail.com google.com googleapis.com gstatic.com
    icloud.com instagram.com ipify.org letsencrypt.org linkedin.com live.com microsoft.com
    microsoftonline.com mozilla.org msftconnecttest.com office.com office365.com onedrive.com
    outlook.com pastebin.com sharepoint.com skype.com slack.com telegram.org twitter.com
    verisign.com virustotal.com whatsapp.com wikipedia.org windows.com windows.net
    windowsupdate.com wordpress.com x.com yahoo.com yandex.ru youtube.com
"""
TOP_DOMAINS = frozenset(_TOP_DOMAINS.split())
"""Written for this list: services that Windows, browsers and offices ask for every day, and those
that share what anybody uploads. A ranking of the day is not here: it would be old in a month."""


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


def top_domain(name: str) -> str:
    """What to tell of a domain; empty if nothing."""
    if name.lower().rstrip(".") in TOP_DOMAINS:
        return "most hosts ask for this domain and for names below it: weak"
    return ""


def not_public(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[str, str]:
    """What to tell of an address that is no public one, and why it can be none at all; each
    empty if that is not so."""
    if network.is_loopback or network.is_unspecified or network.is_multicast:
        return "", "loopback, multicast or no address: every host has it"
    if network.is_link_local or network == ipaddress.ip_network("255.255.255.255/32"):
        return "", "an address of the local link: every host has such"
    if not network.is_global:
        return "a private or reserved address: another network has it too", ""
    return "", ""
