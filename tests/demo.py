"""``make demo``: plants harmless traces in a temporary folder, sweeps it, and shows what a hit looks like."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from agent.cli import main
from agent.exit_codes import HIT
from tests.evidence.planted import plant


def demonstrate() -> int:
    """0 when the sweep found what was planted."""
    with tempfile.TemporaryDirectory(prefix="iocsweep-demo-") as folder:
        root = Path(folder)
        plant(root / "evidence")
        print(
            f"Harmless traces were planted in {root / 'evidence'}; they are removed afterwards.\n"
        )
        code = main(["offline", str(root / "evidence"), "--out", str(root / "reports")])
        return 0 if code == HIT else 1


if __name__ == "__main__":
    sys.exit(demonstrate())
