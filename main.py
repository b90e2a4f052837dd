"""Start ADSNet Studio from a checkout: ``python main.py [PATH…] [--model FILE]``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the window and return the exit code of the process."""
    # Imported here and not above: a child process that is started from this file must not load Qt.
    from app.bootstrap import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
