"""``python -m latentsep``."""

import sys

from latentsep.commands.cli import main

sys.exit(main())
