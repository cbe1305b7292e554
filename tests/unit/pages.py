"""Reads an HTML page with a parser: its text, its elements, and what it would load."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "br", "link", "input"}


class Page(HTMLParser):
    """A page whose elements must be closed in order; a link counts as its address in the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.hidden = self.title = self.style = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(source)
        self.close()
        assert self._open == [], "elements are open at the end"

    @property
    def text(self) -> str:
        """Return what a reader sees, with single spaces."""
        return " ".join(" ".join(self.words).split())

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of the links."""
        return [attributes["href"] for tag, attributes in self.elements if tag == "a"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the element."""
        attributes = {name: value or "" for name, value in attrs}
        assert len(attributes) == len(attrs), f"an attribute of {tag} is given twice"
        self.elements.append((tag, attributes))
        if tag not in _VOID:
            self._open.append((tag, attributes))
        if tag == "a":
            self.words.append(attributes["href"])

    def handle_endtag(self, tag: str) -> None:
        """Close the element."""
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        """Keep text by where it stands."""
        if not data.strip():
            return
        within = [tag for tag, _ in self._open]
        if "title" in within:
            self.title += data
        elif "style" in within:
            self.style += data
        elif any("display:none" in attributes.get("style", "") for _, attributes in self._open):
            self.hidden += data
        elif "a" not in within:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        """Refuse comments: programs hide commands in them."""
        raise AssertionError(data)
