"""``python -m adsnet`` is the same as ``adsnet``."""

import sys

from adsnet.cli import main

if __name__ == "__main__":
    sys.exit(main())
