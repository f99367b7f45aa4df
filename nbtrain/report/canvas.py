"""A sheet measured in CSS pixels, y downwards, that turns into a PNG. The only module that knows matplotlib.

Every property of every artist is given here, so what a person set in `rcParams` (`usetex`, a style, xkcd)
changes nothing, and drawing in one thread changes nothing in another. It knows colours only as `#rrggbb`, and
no charts.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Sequence

import numpy as np
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import BoxStyle, FancyBboxPatch, Polygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox
from PIL import Image

from nbtrain.report.plain import plain
from nbtrain.report.theme import FONTS, FONTS_OF_SCRIPTS

# matplotlib is not thread-safe, not even with Agg: its font and path caches are shared. One picture at a
# time.
LOCK = threading.RLock()

_DPI = 100  # one CSS pixel is one hundredth of an inch before scaling
_POINT = 72 / _DPI  # points in a CSS pixel
_PACKED = 6  # of zlib: 12 ms for a poster; 9 takes 60 ms for 5 % less


class Canvas:
    """A sheet of `width` x `height` CSS pixels, drawn at `scale` device pixels for each. Use it while holding
    `LOCK`.
    """

    def __init__(self, width: float, height: float, *, ground: str, scale: float = 2) -> None:
        self.width, self.height = width, height
        size = (width / _DPI, height / _DPI)
        self._figure = Figure(
            figsize=size, dpi=_DPI * scale, facecolor=ground, edgecolor="none", layout="none"
        )
        self._canvas = FigureCanvasAgg(self._figure)
        self._scale = scale
        self._pixels = Affine2D().scale(1, -1).translate(0, height).scale(scale)
        self._order = 0
        self._ground = ground
        self._used: dict[str, None] = {ground: None}

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str,
        bold: bool = False,
        anchor: str = "left",
    ) -> None:
        """Write one line with its baseline at `y`; `anchor`: left, center or right of `x`."""
        self._add(
            Text(
                x,
                y,
                drawable(text),
                color=colour,
                fontproperties=_font(size, bold),
                ha=anchor,
                va="baseline",
                parse_math=False,
                usetex=False,
                antialiased=True,
                rotation=0,
            ),
            colour,
        )

    def text_width(self, text: str, *, size: float, bold: bool = False) -> float:
        """Return how many CSS pixels the line takes."""
        return _text_width(drawable(text), size, bold, self._scale)

    def line(
        self, x: Sequence[float], y: Sequence[float], *, colour: str, width: float = 1, alpha: float = 1,
        dashes: tuple[float, float] | None = None, clip: tuple[float, float, float, float] | None = None,
    ) -> None:  # fmt: skip
        """Draw a polyline; NaN breaks it. `clip`: left, top, right, bottom."""
        line = Line2D(
            np.asarray(x, float), np.asarray(y, float), color=colour, linewidth=width * _POINT, alpha=alpha,
            linestyle="-" if dashes is None else (0, dashes), marker="None", antialiased=True,
            solid_capstyle="round",
            solid_joinstyle="round", dash_capstyle="butt", drawstyle="default",
        )  # fmt: skip
        self._add(line, colour, clip=clip)

    def dots(
        self, x: Sequence[float], y: Sequence[float], *, colour: str, edge: str, radius: float = 2.5,
        clip: tuple[float, float, float, float] | None = None,
    ) -> None:  # fmt: skip
        """Draw filled circles with a thin edge."""
        dots = Line2D(
            np.asarray(x, float), np.asarray(y, float), linestyle="None", marker="o",
            markersize=2 * radius * _POINT,
            markerfacecolor=colour, markeredgecolor=edge, markeredgewidth=_POINT, fillstyle="full",
            antialiased=True,
        )  # fmt: skip
        self._add(dots, colour, edge, clip=clip)

    def area(
        self, points: Sequence[tuple[float, float]], *, colour: str, alpha: float = 1,
        clip: tuple[float, float, float, float] | None = None,
    ) -> None:  # fmt: skip
        """Fill a polygon."""
        area = Polygon(
            points,
            closed=True,
            facecolor=colour,
            edgecolor="none",
            alpha=alpha,
            linewidth=0,
            antialiased=True,
        )
        self._add(area, colour, clip=clip)

    def box(
        self,
        place: tuple[float, float, float, float],
        *,
        fill: str,
        edge: str = "none",
        radius: float = 0,
        alpha: float = 1,
    ) -> None:
        """Draw a rectangle with round corners; `place`: left, top, width, height."""
        left, top, width, height = place
        style = BoxStyle("Round", pad=0, rounding_size=radius) if radius else BoxStyle("Square", pad=0)
        self._add(
            FancyBboxPatch(
                (left, top),
                width,
                height,
                boxstyle=style,
                mutation_aspect=1,
                facecolor=fill,
                edgecolor=edge,
                linewidth=_POINT if edge != "none" else 0,
                alpha=alpha,
                linestyle="-",
                antialiased=True,
            ),
            fill,
            edge,
        )

    def png(self) -> bytes:
        """Return the picture with a palette of at most 256 colours: several times smaller than without."""
        self._canvas.draw()
        palette = self._palette()
        image = Image.fromarray(_nearest(np.asarray(self._canvas.buffer_rgba()), palette), mode="P")
        image.putpalette(palette.tobytes())
        out = io.BytesIO()
        image.save(out, format="PNG", compress_level=_PACKED, dpi=(_DPI * self._scale,) * 2)
        return out.getvalue()

    def _palette(self) -> np.ndarray:
        """Return (n, 3): the colours used and their blends with the ground, which is all that antialiased
        edges need.

        A palette found by median cut was tried: it gives the rare colours, which are the warnings, to their
        neighbours.
        """
        colours = [np.array(_rgb(colour), float) for colour in self._used]
        ground, others = colours[0], colours[1:]
        shades = max(255 // max(len(others), 1), 2)
        blends = [
            ground + (colour - ground) * k / shades for colour in others[:127] for k in range(1, shades + 1)
        ]
        return np.round([ground, *blends][:256]).astype(np.uint8)

    def _add(
        self, artist: Artist, *colours: str, clip: tuple[float, float, float, float] | None = None
    ) -> None:
        self._used.update(dict.fromkeys(colour for colour in colours if colour != "none"))
        artist.set_transform(self._pixels)
        artist.set_sketch_params(None)
        artist.set_path_effects([])
        artist.set_snap(None)
        artist.set_zorder(self._order)  # what is drawn later lies above
        self._order += 1
        self._figure.add_artist(artist)
        if clip is not None:
            left, top, right, bottom = clip
            artist.set_clip_box(TransformedBbox(Bbox([[left, top], [right, bottom]]), self._pixels))
            artist.set_clip_on(True)


def _nearest(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return (height, width) indices into `palette` of the nearest colours; 40 ms for 2.4 million pixels.

    Pillow's own mapping looks at the upper bits only and turned white into the almost white beside it.
    """
    red, green, blue = (pixels[..., i].astype(np.uint32) for i in range(3))
    packed = red << 16 | green << 8 | blue
    seen = np.zeros(1 << 24, bool)
    seen[packed] = True
    colours = np.flatnonzero(seen)
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.float32)
    table = np.zeros(1 << 24, np.uint8)
    grounds = palette.astype(np.float32)
    for start in range(0, len(colours), 4096):  # bounded memory: a page of text has a few thousand colours
        part = channels[start : start + 4096]
        distance = ((part[:, None, :] - grounds[None, :, :]) ** 2).sum(axis=2)
        table[colours[start : start + 4096]] = distance.argmin(axis=1)
    return table[packed]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@functools.cache
def _families() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    first = next((name for name in FONTS if name in installed), "DejaVu Sans")
    scripts = [name for name in FONTS_OF_SCRIPTS if name in installed]
    return tuple(dict.fromkeys([first, "DejaVu Sans", *scripts]))


@functools.cache
def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(
        family=list(_families()), size=size * _POINT, weight="bold" if bold else "normal", style="normal",
        variant="normal", stretch="normal",
    )  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _text_width(text: str, size: float, bold: bool, scale: float) -> float:
    # The renderer reads the size in points and answers in device pixels.
    width, _, _ = _measure(scale).get_text_width_height_descent(text, _font(size, bold), False)
    return width / scale


@functools.cache
def _measure(scale: float) -> RendererAgg:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_DPI * scale)).get_renderer()


@functools.cache
def _letters() -> frozenset[int]:
    """Return the code points that the fonts in use can draw."""
    known: set[int] = set()
    for family in _families():
        path = font_manager.findfont(FontProperties(family=family, weight="normal", style="normal"))
        known |= set(font_manager.get_font(path).get_charmap())
    return frozenset(known)


def drawable(text: str) -> str:
    """Return the text with what no installed font can draw as U+FFFD: matplotlib would warn at every such
    letter.
    """
    known = _letters()
    return "".join(
        letter if ord(letter) in known else "\ufffd"
        for letter in plain(text).replace("\t", " ").replace("\n", " ")
    )
