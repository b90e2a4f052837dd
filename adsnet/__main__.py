"""``python -m adsnet`` is the same as ``adsnet``."""

from adsnet.cli import main
from adsnet.processes import leave

if __name__ == "__main__":
    leave(main())
