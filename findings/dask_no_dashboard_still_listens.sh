#!/usr/bin/env bash
# Dask Distributed 2026.8.0: `dask scheduler --no-dashboard` still listens for HTTP, on port 8787 of
# every interface though `--host 127.0.0.1` is given, and tells there who works and what runs;
# so does each worker, on a port of its own. The option takes away the drawn pages alone. With
# `--dashboard-address 127.0.0.1:0` it is this machine that can ask, and no more.
#
# Seen on 2026-11-30:
#   scheduler --host 127.0.0.1 --no-dashboard                                 listens on 0.0.0.0:PORT
#   /json/counts.json 200, /info/main/workers.html 200, /metrics 200, /status 404
#   scheduler --host 127.0.0.1 --no-dashboard --dashboard-address 127.0.0.1:0 127.0.0.1 alone
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
  distributed==2026.8.0 psutil==7.2.2
"$room/venv/bin/python" - "$room" <<'PYTHON'
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil

room = Path(sys.argv[1])


def listening(name, *more):
    """Addresses, and what comes of asking over HTTP."""
    told = room / name
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", "0", "--scheduler-file", str(told), "--no-dashboard", *more]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not told.exists() or not told.read_bytes():
            time.sleep(0.1)
        port = json.loads(told.read_bytes())["services"]["dashboard"]
        answers = {}
        for path in ("/json/counts.json", "/info/main/workers.html", "/status"):
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            asked.request("GET", path)
            answers[path] = asked.getresponse().status
            asked.close()
        found = psutil.Process(process.pid).net_connections("tcp")
        return {one.laddr.ip for one in found if one.status == "LISTEN"}, answers
    finally:
        process.terminate()
        process.wait()


addresses, answers = listening("as-told")
assert addresses == {"127.0.0.1", "0.0.0.0"}, addresses
assert answers == {"/json/counts.json": 200, "/info/main/workers.html": 200, "/status": 404}
addresses, _ = listening("kept-in", "--dashboard-address", "127.0.0.1:0")
assert addresses == {"127.0.0.1"}, addresses
print("as told: without its dashboard a scheduler still answers HTTP on every interface")
PYTHON
