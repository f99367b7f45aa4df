"""`python -m nbtrain` is `nbtrain`."""

from __future__ import annotations

import sys

from nbtrain.cli.main import main

sys.exit(main())
