"""Times for people; sizes are told by `rich.filesize.decimal`."""


def spell(seconds: float) -> str:
    """12 ms, 3.4 s, 2 min 5 s, 1 h 10 min."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
