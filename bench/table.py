"""Tables of figures."""

from rich.table import Table


def table(title: str, headings: tuple[str, ...]) -> Table:
    """Return an empty table; headings that begin with > are of numbers."""
    drawn = Table(title=title)
    for heading in headings:
        drawn.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
    return drawn


def number(value: float) -> str:
    """Write a figure with three digits, or as a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
