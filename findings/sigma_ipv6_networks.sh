#!/usr/bin/env bash
# Sigma's modifier cidr is for IPv4 and IPv6 (modifiers 2.1.0, "IP Modifiers"). For a backend whose
# language has no networks (SQLite's), pySigma 1.5.1 writes them as texts with a wildcard. It cuts an
# IPv6 network behind what its address is written as, where zeros at the end are no groups: a /48 or
# /56 of them is asked for as the whole /32, a /33 likewise, and 2001:0:0:1::/64 as 2001:*. IPv4 is
# right, and so are these in pySigma 2.0.1 with the backend's 2.1.1. But the backends of the day for
# Splunk, Kusto, Loki and Elasticsearch ask for a pySigma below 2: beside one of them pip takes the
# older pair.
#
# Seen on 2026-11-30, of the address 2001:db8:ffff::1, which is in none of the first three:
#   cidr              pySigma 1.5.1                  2.0.1
#   2001:db8::/48     LIKE '2001:db8:%'    found     not found
#   2001:db8::/33     LIKE '2001:db8:%'    found     not found
#   2001:0:0:1::/64   LIKE '2001:%'        found     not found
#   2001:db8:1::/48   LIKE '2001:db8:1:%'  not found not found
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cat >"$room/asked.py" <<'PYTHON'
import sqlite3
import sys
from ipaddress import ip_address, ip_network

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

RULE = """
title: a network
status: test
logsource: {{category: network_connection}}
detection:
    selection:
        DestinationIp|cidr: '{}'
    condition: selection
"""
TOO_WIDE = int(sys.argv[1])


def found(network, address):
    """By the query, and by the addresses themselves."""
    (query,) = sqliteBackend().convert(SigmaCollection.from_yaml(RULE.format(network)))
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE logs (DestinationIp TEXT)")
    database.execute("INSERT INTO logs VALUES (?)", [address])
    rows = len(database.execute(query).fetchall())
    within = int(ip_address(address) in ip_network(network))
    print(f"{address} of {network}: asked {rows}, rightly {within}: {query[25:79]}")
    return rows, within


OTHER = "2001:db8:ffff::1"
assert found("2001:db8::/48", "2001:db8::1") == (1, 1)
assert found("2001:db8::/48", OTHER) == (TOO_WIDE, 0)
assert found("2001:db8::/56", OTHER) == (TOO_WIDE, 0)
assert found("2001:db8::/33", OTHER) == (TOO_WIDE, 0)
assert found("2001:0:0:1::/64", OTHER) == (TOO_WIDE, 0)
assert found("2001:db8:1::/48", OTHER) == (0, 0)
assert found("2001:db8::/32", OTHER) == (1, 1)
assert found("10.0.0.0/15", "10.1.2.3") == (1, 1)
assert found("10.0.0.0/15", "10.2.2.3") == (0, 0)
PYTHON
asked() {
    python3 -m venv "$room/$1"
    "$room/$1/bin/pip" install --quiet --disable-pip-version-check \
        pySigma=="$1" pysigma-backend-sqlite=="$2"
    echo "pySigma $1"
    "$room/$1/bin/python" "$room/asked.py" "$3"
}
asked 1.5.1 2.0.0 1
asked 2.0.1 2.1.1 0
