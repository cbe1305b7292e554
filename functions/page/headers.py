"""The headers of every file: how long it may be kept, and what the page forbids itself."""

from __future__ import annotations

from functions.page.built import File

_YEAR = "public, max-age=31536000, immutable"
# A browser asks each time whether it changed.
_ASK = "no-cache"
# Scripts and styles come from files alone. What could run as a script is made in one place, sound/start.js, which names
# its policy; everywhere else, browsers with Trusted Types refuse a string.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "worker-src 'self'",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types sound-worker",
    )
)
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # Without one, a form would be sent with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def of(file: File) -> dict[str, str]:
    """Return the headers of a file."""
    return _ALWAYS | {"Cache-Control": _YEAR if file.immutable else _ASK}
