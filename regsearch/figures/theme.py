"""How every figure looks: one template, one colour a penalty, one colour and shape a study.

Figures are drawn for a light page. `DARK` names the dark page's colour of each light one, so that a
page turns a figure dark by exchanging colours; a colour that is not in it stands on both.
"""

from __future__ import annotations

from collections.abc import Mapping

from plotly.graph_objects import Figure, layout

from regsearch.palette import OTHER_COLOR, PENALTY_COLORS

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

PAPER = "#ffffff"
INK = "#1f2933"
MUTED = "#5f6c7b"
LINE = "#c3cad3"
GRID = "#eceff2"

STUDY_COLORS = (
    "#882255",
    "#44aa99",
    "#999933",
    "#cc6677",
    "#4a3aa7",
    "#88ccee",
    "#117733",
    "#ddaa33",
)
STUDY_SYMBOLS = (
    "circle",
    "diamond",
    "square",
    "triangle-up",
    "cross",
    "star",
    "pentagon",
    "hexagram",
)
STUDY_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")

# From a module's first layer to its last, in even steps of lightness.
LAYER_COLORS = ("#3b4cc0", "#6f55b5", "#9b5fa8", "#c06c95", "#dc8079", "#e9a05b")

DARK: Mapping[str, str] = {
    PAPER: "#171d25",
    INK: "#e6eaef",
    MUTED: "#9aa7b5",
    LINE: "#46525f",
    GRID: "#262f39",
    STUDY_COLORS[0]: "#d4679f",
    STUDY_COLORS[4]: "#9d92ee",
    STUDY_COLORS[6]: "#4caf6d",
    LAYER_COLORS[0]: "#7b8cf0",
    LAYER_COLORS[1]: "#9a85e0",
    OTHER_COLOR: "#9187e0",
    PENALTY_COLORS["none"]: "#9b9b9b",
    PENALTY_COLORS["l1"]: "#3f97d3",
}

_AXIS = {
    "automargin": True,
    "gridcolor": GRID,
    "linecolor": LINE,
    "ticks": "outside",
    "ticklen": 4,
    "tickcolor": LINE,
    "title": {"standoff": 10, "font": {"size": 13}},
    "zeroline": False,
}
TEMPLATE = layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "margin": {"l": 56, "r": 18, "t": 10, "b": 48},
        "hoverlabel": {
            "align": "left",
            "bgcolor": PAPER,
            "bordercolor": LINE,
            "font": {"family": FONT, "size": 12, "color": INK},
        },
        "hovermode": "closest",
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
)
HEIGHT = 400


def canvas(height: int = HEIGHT) -> Figure:
    """Returns a figure with nothing on it yet."""
    return Figure(layout={"template": TEMPLATE, "height": height})


def nothing(why: str) -> Figure:
    """Returns the figure of data that it cannot be drawn from: one line that says why."""
    figure = canvas(height=160)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text="<br>".join(folded(why)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": MUTED},
    )
    return figure


def folded(text: str, width: int = 44) -> list[str]:
    """Returns a text's lines, none wider than so many characters; 44 fit the narrowest window."""
    lines = [""]
    for word in text.split():
        fits = len(lines[-1]) + len(word) < width
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits else [*lines, word]
    return [line for line in lines if line]


def penalty_color(kind: str) -> str:
    """Returns the colour of a kind of penalty, the same in every figure and list."""
    return PENALTY_COLORS.get(kind, OTHER_COLOR)


def tint(color: str) -> str:
    """Returns a colour as CSS properties, for light pages and dark ones."""
    return f"--tint:{color};--tint-dark:{DARK.get(color, color)}"


def faded(color: str, opacity: float) -> str:
    """Returns a colour as the same with an alpha, 0 to 1: `#rrggbbaa`."""
    return f"{color}{round(255 * opacity):02x}"
