"""File names that could leave a folder, break a header, or mislead a reader."""

import unicodedata

# No other plane has control or formatting characters. Unassigned and private characters are all alike.
_PLANES_WITH_FORMATTING = (*range(0x20000), *range(0xE0000, 0xE0200))


def _unprintable() -> list[str]:
    """Return every control, formatting and surrogate character, and some unassigned and private ones."""
    named = [char for char in map(chr, _PLANES_WITH_FORMATTING) if unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    return [
        *named,
        "\ue000",
        "\uf8ff",
        "\U000f0000",
        "\U0010fffd",
        "\ufdd0",
        "\uffff",
        "\U0010ffff",
        "\u2028",
        "\u2029",
    ]


_UP = (
    *("../", "..\\", "..//", "..\\/", "....//", "....\\\\", "..;/", "./../", "%2e%2e%2f", "%252e%252e%252f", "%c0%ae/"),
    *("\uff0e\uff0e\uff0f", "\u2025\u2215", ".\0./", ".\u200b./", "..%00/", "..%u2215"),
)

NAMES = {
    "traversal": [f"{up * depth}etc/passwd" for up in _UP for depth in (1, 2, 8)]
    + [f"a/{up}b.mp4" for up in _UP]
    + ["/etc/passwd", "//server/share/x", "\\\\server\\share\\x", "\\\\?\\C:\\x", "\\\\.\\PHYSICALDRIVE0"]
    + ["file:///etc/passwd", "/proc/self/environ", "~/.ssh/id_rsa", "~root", "C:\\Windows\\win.ini", "C:x.mp4"]
    + ["a.mp4/", "a.mp4\\", "/", "\\", "/a/b/", "/etc/passwd\0.mp4", "..\\..\\a.mp4:hidden"],
    "dots and spaces": [
        "",
        ".",
        "..",
        "...",
        "....",
        " ",
        "  ",
        " .",
        ". ",
        "\u00a0",
        "\u3000",
        ".mp4",
        "a.",
        "a ",
        " a",
        "a . ",
    ],
    "reserved names": [
        f"{name}{end}"
        for name in (
            "CON",
            "PRN",
            "AUX",
            "NUL",
            "COM1",
            "COM\u00b9",
            "LPT9",
            "CONIN$",
            "$MFT",
            "desktop.ini",
            ".htaccess",
        )
        for end in ("", ".mp4", ".", ":stream", "/x")
    ],
    "header breaks": [
        "a\r\nSet-Cookie: x=1",
        "a\nBcc: eve@example.org",
        "a\rX: y",
        "a%0d%0aSet-Cookie: x=1",
        "a\u560d\u560aSet-Cookie: x=1",  # narrowing to bytes makes these CR and LF
        "a\x85b",
        "a\x0bb\x0cc",
        "a\u2028b\u2029c",
        'a"; filename="b.exe',
        "a\\",
        "a;b=c",
        "UTF-8''a%2fb",
        "=?utf-8?b?Li4vYQ==?=",
    ],
    "direction": [
        f"song{char}4pm.exe" for char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
    ],
    "unprintable characters": _unprintable() + [f"a{char}b.mp4" for char in _unprintable()],
    "overlong": [
        letter * count + end
        for letter in ("x", "\u00fc", "\u20ac", "\U0001f600", "a\u0301", "\U0001f468\u200d\U0001f469", ".", " ", "../")
        for count in (127, 255, 256, 1000, 10_000)
        for end in ("", ".mp4")
    ],
    "other scripts and marks": [
        "\u202b\u05e9\u05d9\u05e8.mp4",
        "\u6b4c.mp4",
        "\u0e40\u0e1e.mp4",
        "Z" + "\u0351" * 200,
        "\ufeffa.mp4",
    ],
    "commands and markup": [
        "-i",
        "--help",
        "-rf *",
        "|id",
        "; id",
        "`id`",
        "$(id).mp4",
        "a.mp4 & id",
        "concat:a|b",
        "pipe:0",
        "http://example.org/a.mp4",
        "%d.mp4",
        "%n%s",
        "{{7*7}}",
        "${7*7}",
        "<img src=x onerror=alert(1)>",
        "' OR 1=1 -- ",
        "a.mp4\x1b]0;title\x07",
        "\x1b[31mred",
    ],
    "values of programming languages": [
        "undefined",
        "null",
        "None",
        "NaN",
        "true",
        "0",
        "-1",
        "1e999",
        "[object Object]",
    ],
}
