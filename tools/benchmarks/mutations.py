"""Small changes to C text, in a fixed order: what a tired programmer might have written.

Statements deleted, adjacent stores swapped, constants moved by one, comparisons flipped, conditions joined the other
way. Text between quotes, comments, directives and declarations without a value stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
JOINED = {"&&": "||", "||": "&&"}
TOKEN = re.compile(
    r"->|<<|>>|\+\+|--|[=!<>]=|&&|\|\||[-+*/%&|^]=|0[xX][0-9A-Fa-f]+[uUlL]*|\d+[uUlL]*|[A-Za-z_]\w*|\s+|.", re.DOTALL
)


@dataclass(frozen=True)
class Mutation:
    """One change: ``text`` with [start, end) replaced by ``new``; ``line`` counts from 1, ``context`` is its text."""

    file: str
    line: int
    kind: str
    old: str
    new: str
    start: int
    end: int
    context: str

    def apply(self, text: str) -> str:
        """The changed text."""
        return text[: self.start] + self.new + text[self.end :]

    @property
    def key(self) -> str:
        """A name that survives changes elsewhere in the file."""
        old, new = (" ".join(text.split()) or "nothing" for text in (self.old, self.new))
        if self.kind in ("swapped", "deleted"):
            return f"{self.file}: {self.kind}: {old}"
        return f"{self.file}: {self.kind}: {old} -> {new} in {self.context}"


def _blanked(text: str) -> str:
    """The text with comments, strings, characters and directives replaced by blanks of equal length."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:\\\n|[^\n])*'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.DOTALL | re.MULTILINE)


def _statements(blank: str) -> Iterator[tuple[int, int]]:
    """Where each simple statement inside a function body starts and ends, its semicolon included."""
    depth = parentheses = 0
    start: int | None = None
    for i, character in enumerate(blank):
        if character in "([":
            parentheses += 1
        elif character in ")]":
            parentheses -= 1
        if character == "{" and parentheses == 0:
            depth, start = depth + 1, None
        elif character == "}" and parentheses == 0:
            depth, start = depth - 1, None
        elif character == ";" and parentheses == 0:
            if start is not None and depth > 0:
                yield start, i + 1
            start = None
        elif start is None and not character.isspace():
            start = i


def _is_declaration(statement: str) -> bool:
    return bool(
        re.match(
            r"(const|static|extern|struct|volatile|unsigned|int|char|size_t|void|FILE|va_list|u?int\d+_t|\w+_t)\b[\w\s*]*[\w*]",
            statement,
        )
    ) and not re.match(r"\w+\s*\(", statement)


def _target(statement: str) -> str:
    """The object that a statement stores into: the left side of an assignment, the first argument of a copy or put."""
    assigned = re.match(r"([\w.>\[\]*()& -]+?)\s*[-+*/|&^]?=(?!=)", statement)
    stored = re.match(r"(?:nvm_\w+|mem\w+)\(&?([^,]+),", statement)
    return (assigned or stored)[1].strip() if assigned or stored else ""


def _mentions(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))


def _order_matters(first: str, second: str) -> bool:
    """Whether both are stores, and not two assignments to memory of this process that do not read each other."""
    one, two = _target(first), _target(second)
    if not one or not two:
        return False
    return "nvm_" in first + second or _mentions(second, one) or _mentions(first, two)


def _bodies(blank: str) -> list[tuple[int, int]]:
    """Where function bodies start and end."""
    found, depth, start = [], 0, 0
    for i, character in enumerate(blank):
        if character == "{":
            if depth == 0:
                start = i
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0 and re.search(r"\)[^;=)]*$", blank[:start]):
                found.append((start, i))
    return found


def mutations(file: str, text: str) -> list[Mutation]:
    """Every mutation of one C file, in the order of the text; ``file`` names it in the result."""
    blank = _blanked(text)
    bodies = _bodies(blank)

    def inside(at: int) -> bool:
        return any(start < at < end for start, end in bodies)

    def make(kind: str, start: int, end: int, new: str) -> Mutation:
        line = text.count("\n", 0, start)
        return Mutation(file, line + 1, kind, text[start:end], new, start, end, text.splitlines()[line].strip())

    found: list[Mutation] = []
    before: tuple[int, int] | None = None
    for start, end in _statements(blank):
        statement = blank[start:end]
        if not inside(start) or _is_declaration(statement):
            before = None
            continue
        # A body without braces does not occur here (the formatter's rules), so an empty statement is well placed.
        found.append(make("deleted", start, end, ";"))
        if before and not blank[before[1] : start].strip() and _order_matters(blank[before[0] : before[1]], statement):
            first, second = text[before[0] : before[1]], text[start:end]
            new = second + text[before[1] : start] + first
            if first != second:
                found.append(make("swapped", before[0], end, new))
        before = (start, end)
    at = 0
    for token in TOKEN.findall(blank):
        start, end, at = at, at + len(token), at + len(token)
        if not inside(start):
            continue
        if token in COMPARISONS:
            found.append(make("flipped", start, end, COMPARISONS[token]))
        elif token in JOINED:
            found.append(make("joined", start, end, JOINED[token]))
        elif token[0].isdigit():
            value, suffix = re.fullmatch(r"(0[xX][0-9A-Fa-f]+|\d+)([uUlL]*)", token).groups()
            octal = re.fullmatch(r"0[0-7]+", value)
            new = f"0{int(value, 8) + 1:o}" if octal else str(int(value, 0) + 1)
            found.append(make("moved", start, end, new + suffix))
    return sorted(found, key=lambda m: (m.start, m.end, m.kind))
