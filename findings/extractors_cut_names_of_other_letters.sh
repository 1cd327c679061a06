#!/usr/bin/env bash
# Three extractors of indicators make of a URL whose host has a letter beyond ASCII the indicator of
# somebody else: they begin, or stop, at that letter. ioc-finder 9.4.1 and iocsearcher 3.1.0 tell
# example.com of caféexample.com, which is another registrant's domain; that they agree is no proof.
# iocextract 1.16.1 tells http://caf. Such a URL is an IRI (RFC 3987, 2.2), such a label a U-label
# (RFC 5890, 2.3.2.1); in its ASCII form, xn--cafexample-d7a.com, all three read it.
# ioc-finder likewise makes two addresses of one that is mapped into IPv6 (RFC 4291, 2.5.5.2), the
# second of the digits up to the first dot: ::ffff:203 is none that is mapped, and nobody's.
#
# Seen on 2026-11-30:
#   http://caféexample.com/x   ioc-finder    domain example.com, URL example.com/x
#                              iocsearcher   URL example.com/x
#                              iocextract    http://caf
#   ::ffff:203.0.113.9         ioc-finder    203.0.113.9 and ::ffff:203
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    ioc-finder==9.4.1 iocsearcher==3.1.0 iocextract==1.16.1 requests==2.34.2
"$room/venv/bin/python" -W ignore - <<'PYTHON'
import ipaddress

import iocextract
from ioc_finder import find_iocs
from iocsearcher.searcher import Searcher


def told(text):
    """By each of the three: kinds with values, pairs of both, values."""
    finder = {kind: values for kind, values in find_iocs(text).items() if values}
    searcher = sorted({(one.name, one.value) for one in Searcher().search_data(text)})
    extract = list(iocextract.extract_iocs(text, refang=True))
    print(text, finder, searcher, extract, sep="\n    ")
    return finder, searcher, extract


in_ascii = "caféexample.com".encode("idna").decode()
assert in_ascii == "xn--cafexample-d7a.com"
assert told("http://caféexample.com/x") == (
    {"urls": ["example.com/x"], "domains": ["example.com"]},
    [("url", "example.com/x")],
    ["http://caf"],
)
url = f"http://{in_ascii}/x"
assert told(url) == (
    {"urls": [url], "domains": [in_ascii]}, [("fqdn", in_ascii), ("url", url)], [url]
)
mapped, _, extract = told("::ffff:203.0.113.9")
assert mapped == {"ipv4s": ["203.0.113.9"], "ipv6s": ["::ffff:203"]}
assert extract == ["203.0.113.9"]
assert ipaddress.ip_address("::ffff:203").ipv4_mapped is None
assert ipaddress.ip_address("::ffff:203") != ipaddress.ip_address("::ffff:203.0.113.9")
PYTHON
