"""Content negotiation: one JSON answer or a stream of events, English or Vietnamese (RFC 9110, section 12.5)."""

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


def prefers_event_stream(accept: str | None) -> bool:
    """Say whether an Accept header ranks server-sent events above JSON; on a tie JSON wins."""
    ranges = [_media_range(part) for part in (accept or "*/*").split(",")]
    return _quality(EVENT_STREAM, ranges) > _quality(JSON, ranges)


def prefers_vietnamese(accept_language: str | None) -> bool:
    """Say whether an Accept-Language header ranks Vietnamese above English; on a tie the one named first wins."""
    ranges = [_media_range(part) for part in (accept_language or "").split(",")]
    named = [(name.partition("-")[0], quality) for name, quality in ranges if quality > 0]
    known = [pair for pair in named if pair[0] in ("vi", "en")]
    return bool(known) and max(known, key=lambda pair: pair[1])[0] == "vi"


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value for key, _, value in (p.partition("=") for p in parameters) if key.strip() == "q"), "1")
    return name, _number(quality.strip())


def _number(quality: str) -> float:
    digits = quality.replace(".", "", 1)
    return min(float(quality), 1.0) if digits.isascii() and digits.isdigit() else 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Take the quality of the most specific range that matches; 0 when none does."""
    for pattern in (media_type, media_type.split("/")[0] + "/*", "*/*"):
        matching = [quality for name, quality in ranges if name == pattern]
        if matching:
            return max(matching)
    return 0.0
