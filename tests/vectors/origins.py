"""What browsers say of the page that a form is on."""

# Headers of a form on another page; None is one that is not sent.
OF_OTHERS: tuple[dict[str, str | None], ...] = (
    {"Origin": None},
    {"Origin": "null"},
    {"Origin": "https://evil.example.org"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
