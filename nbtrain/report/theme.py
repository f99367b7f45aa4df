"""The one palette of nbtrain: reports, figures and the panel take every colour from here. It draws nothing.

Series. Only `train` and `valid` ever share a chart: blue and orange stay apart for protanopia, deuteranopia
and tritanopia alike (OKLab distance over 20 in simulation, Machado et al. 2009). Learning rate (orchid),
gradient (green) and throughput (slate) have a chart each.

    role         light     dark
    train        #1f5fc4   #82b1ff
    valid        #d45f08   #f39a45
    lr           #b548c6   #dba6ee
    gradient     #0c8c68   #37cf9f
    throughput   #475467   #8492a6

Tones, as text: at least 4.5:1 on the ground of their theme (WCAG 2.2, 1.4.3). A tone never stands alone: a
word or a sign says the same, because red, amber and green look alike to one man in twelve.

    tone         light     dark      soft ground, light / dark
    good         #15803d   #5fd38d   #ebf7ef / #14301f
    info         #1f5fc4   #82b1ff   #e8f0fc / #16263f
    warning      #945200   #f2b84b   #fdf1dc / #35270c
    critical     #c5221f   #ff7b72   #fdeceb / #3b1917
    muted        #5d6778   #98a2b3   #f2f4f7 / #24292f

`edge` is the border of fields that take input: at least 3:1 (WCAG 2.2, 1.4.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType({
    "train": "#1f5fc4", "valid": "#d45f08", "lr": "#b548c6", "gradient": "#0c8c68", "throughput": "#475467",
    "extra-1": "#0e7490", "extra-2": "#a16207", "extra-3": "#9f1239",
    "good": "#15803d", "info": "#1f5fc4", "warning": "#945200", "critical": "#c5221f", "muted": "#5d6778",
    "good-soft": "#ebf7ef", "info-soft": "#e8f0fc", "warning-soft": "#fdf1dc", "critical-soft": "#fdeceb",
    "muted-soft": "#f2f4f7",
    "ink": "#1b2430", "paper": "#ffffff", "card": "#fafbfc", "line": "#e3e7ec", "grid": "#eceff3",
    "axis": "#c9d0d9", "edge": "#858f9f",
})  # fmt: skip

DARK: Mapping[str, str] = MappingProxyType({
    "train": "#82b1ff", "valid": "#f39a45", "lr": "#dba6ee", "gradient": "#37cf9f", "throughput": "#8492a6",
    "extra-1": "#67d4ec", "extra-2": "#e3c04f", "extra-3": "#fb8fa6",
    "good": "#5fd38d", "info": "#82b1ff", "warning": "#f2b84b", "critical": "#ff7b72", "muted": "#98a2b3",
    "good-soft": "#14301f", "info-soft": "#16263f", "warning-soft": "#35270c", "critical-soft": "#3b1917",
    "muted-soft": "#24292f",
    "ink": "#e6e9ee", "paper": "#111418", "card": "#181c21", "line": "#2c333b", "grid": "#262c33",
    "axis": "#3d4650", "edge": "#6f7a8a",
})  # fmt: skip

ROLES = ("train", "valid", "lr", "gradient", "throughput")
EXTRAS = ("extra-1", "extra-2", "extra-3", "gradient", "lr")

# What stands before a text of this tone where colour cannot be seen.
SIGNS: Mapping[str, str] = MappingProxyType({
    "": "", "good": "✓", "info": "i", "warning": "!", "critical": "✗", "muted": "",
})  # fmt: skip

WORDS: Mapping[str, str] = MappingProxyType({
    "": "", "good": "Good", "info": "Note", "warning": "Warning", "critical": "Critical", "muted": "",
})  # fmt: skip

TONE_OF_STATUS: Mapping[str, str] = MappingProxyType({
    "planned": "muted", "running": "info", "paused": "warning", "completed": "good", "stopped": "muted",
    "diverged": "critical", "failed": "critical", "interrupted": "warning",
})  # fmt: skip

# First family that is installed wins; DejaVu Sans comes with matplotlib, so the list never runs dry.
FONTS = ("Inter", "Segoe UI", "Helvetica Neue", "Noto Sans", "Liberation Sans", "Arial", "DejaVu Sans")


def palette(*, dark: bool = False) -> Mapping[str, str]:
    """Return name -> `#rrggbb` for the light or the dark theme."""
    return DARK if dark else LIGHT


def series_colour(colours: Mapping[str, str], role: str, position: int) -> str:
    """Return the colour of a series: of its role, else one of the extras by `position` among the roleless."""
    if role in ROLES:
        return colours[role]
    return colours[EXTRAS[position % len(EXTRAS)]]


def css_variables(*, dark: bool = False) -> str:
    """Return the palette as CSS declarations, `--nbt-train: #1f5fc4; ...`."""
    return " ".join(f"--nbt-{name}: {value};" for name, value in palette(dark=dark).items())


# Drawn from only for letters that the first family lacks.
FONTS_OF_SCRIPTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Arial Unicode MS",
)  # fmt: skip
