"""The report's pictures, as SVG without a library: lines on two logarithmic axes, one small chart for each task."""

from html import escape
from math import log10

from benchmarks.compare.figures import figure

#: Told apart by those who don't see red or green too (Okabe and Ito), and readable on white and on black.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
WIDTH, HEIGHT, COLUMNS = 320, 250, 3
LEFT, RIGHT, TOP, BOTTOM = 52, 36, 34, 40
LEGEND = 78
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px } .grid { stroke: #d0d7de } .page { fill: #ffffff }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #3d444d } .page { fill: #0d1117 } }
"""


def charts(title, panels, across):
    """SVG of several panels, {name: {line's name: {x: y}}}; `across` says what x is."""
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    colours = dict(zip(names, COLOURS, strict=False))
    rows = -(-len(panels) // COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * rows + LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<style>{STYLE}</style><rect class="page" width="{width}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="22">{escape(title)}</text>',
        *legend(colours),
    ]
    for number, (name, lines) in enumerate(panels.items()):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT + LEGEND
        parts.append(f'<g transform="translate({x} {y})">{panel(name, lines, colours, across)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def legend(colours):
    """Names with their colours, over all panels."""
    for number, (name, colour) in enumerate(colours.items()):
        x, y = 16 + number % 3 * WIDTH, 46 + number // 3 * 20
        yield f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{colour}"/><text x="{x + 12}" y="{y}">{escape(name)}</text>'


def panel(title, lines, colours, across):
    """One chart."""
    points = [point for line in lines.values() for point in line.items()]
    xs, ys = sorted({x for x, _ in points}), [y for _, y in points]
    low, high = int(log10(min(ys)) // 1), int(-(-log10(max(ys)) // 1))
    high = max(high, low + 1)

    def place(x, y):
        share = (log10(x) - log10(xs[0])) / ((log10(xs[-1]) - log10(xs[0])) or 1) if len(xs) > 1 else 0.5
        return (
            LEFT + share * (WIDTH - LEFT - RIGHT),
            TOP + (high - log10(y)) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    drawn = [f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>']
    for power in range(low, high + 1):
        _, y = place(xs[0], 10**power)
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{figure_of(10**power)}</text>')
    below = [(place(x, 1)[0], HEIGHT - 20, f"{x:,}") for x in xs]
    below.append(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, escape(across)))
    drawn += [f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{text}</text>' for x, y, text in below]
    for name, line in lines.items():
        places = [place(x, y) for x, y in sorted(line.items())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2.5"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colours[name]}"/>' for x, y in places]
    return "".join(drawn)


def figure_of(value):
    """A power of ten as an axis shows it."""
    return f"{value:,.0f}" if value >= 1 else figure(value).rstrip("0")
