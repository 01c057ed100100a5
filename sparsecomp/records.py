"""Strict reading of a table (TOML, JSON) into a frozen dataclass: unknown, missing and ill-typed keys are named."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from sparsecomp.errors import InputError

T = TypeVar("T")


def read_record(
    cls: type[T], table: Mapping[str, Any], source: str, text: str = "", extra: Mapping[str, Any] | None = None
) -> T:
    """An instance of the dataclass ``cls`` from ``table``.

    ``source`` names the file in messages, ``text`` is its content (to find line numbers), ``extra`` gives fields that
    the file may not set. Raises InputError; one raised by the class itself gets the file's name in front.
    """
    return _record(cls, table, "", _Messages(source, text), dict(extra or {}))


@dataclasses.dataclass(frozen=True)
class _Messages:
    source: str
    text: str

    def at(self, key: str) -> str:
        """The file, with the line where ``key`` is first set or its table opened."""
        name = re.escape(key.rsplit(".", 1)[-1])
        pattern = re.compile(rf"^\s*(?:\[+\s*)?(?:[\w.]+\.)?{name}\s*(?:=|\]|\.)")
        for number, line in enumerate(self.text.splitlines(), 1):
            if pattern.match(line):
                return f"{self.source}, line {number}"
        return self.source


def _record(cls: type[T], table: Any, where: str, messages: _Messages, extra: dict[str, Any]) -> T:
    if not isinstance(table, Mapping):
        raise InputError(f"{messages.at(where)}: '{where}' must be a table", f"write it as [{where}]")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.name not in extra}  # type: ignore[arg-type]
    dot = f"{where}." if where else ""
    for key in table:
        if key not in fields:
            near = get_close_matches(key, fields, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(fields)}"
            raise InputError(f"{messages.at(key)}: unknown key '{dot}{key}'", hint)
    required = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in required if name not in table]
    if missing:
        at = messages.at(where) if where else messages.source
        raise InputError(f"{at}: missing key '{dot}{missing[0]}'", f"required keys: {', '.join(required)}")
    hints = typing.get_type_hints(cls)
    values = {key: _value(hints[key], value, dot + key, messages) for key, value in table.items()}
    try:
        return cls(**values, **extra)
    except InputError as error:
        at = messages.at(where) if where else messages.source
        if error.message.startswith(messages.source):
            raise
        raise InputError(f"{at}: {error.message}", error.hint) from error


def _value(hint: Any, value: Any, where: str, messages: _Messages) -> Any:
    if isinstance(hint, types.UnionType):  # X | None: TOML has no null, so a present value is an X
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast(type, hint), value, where, messages, {})
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise InputError(f"{messages.at(where)}: '{where}' must be a list", "write it in [ ]")
        return tuple(_value(typing.get_args(hint)[0], item, where, messages) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    # bool is a subclass of int in Python, not in TOML.
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(
            f"{messages.at(where)}: '{where}' must be {_TYPE_NAMES[hint]}, not {str(value)[:40]!r}",
            "compare with `sparsecomp boards show host --json`",
        )
    if hint is float and not math.isfinite(value):
        raise InputError(f"{messages.at(where)}: '{where}' is not a finite number", "write a plain number")
    return value


_TYPE_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
