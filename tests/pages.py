"""What the functions answer to a dashboard, read as a browser reads it: a tree of elements and text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"line", "col", "br", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag: str) -> "list[Element]":
        inner = [each for each in self.children if isinstance(each, Element)]
        return [found for each in inner for found in [*([each] if each.tag == tag else []), *each.all(tag)]]

    def number(self, name: str) -> int:
        return int(self.attributes[name] or "")


class Reader(HTMLParser):
    """Builds the tree, and fails where elements are not closed as they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    (page,) = reader.open
    return page
