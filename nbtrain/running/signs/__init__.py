"""Early signs: one thing that may go wrong while training, one class, one file.

Each looks at what a beat of the pump brought and says what it gives reason to say. Few and robust: a sign
that cries wolf is worse than none, so each carries why a healthy run does not show it.
"""

from __future__ import annotations
