"""``python -m latentsep``."""

import sys

from latentsep.cli import main

sys.exit(main())
