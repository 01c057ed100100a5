"""Whether a compiler kept the order of FRAM writes that nvm.h promises, read from its assembly for the MSP430.

The MSP430 has no store buffer, so the order of instructions is the order in memory. Every commit must be one 16-bit
store between two ``; nvm barrier`` comments, the protocol's words must be stored nowhere else, and in model_deliver
the payload must lie between the two commits on every path (blocks move in the listing, so paths are followed).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.errors import ToolError

BARRIER = "; nvm barrier"
PROGRESS = "model_progress"
SELECTORS = {f"&{PROGRESS}", f"&{PROGRESS}+0", f"&{PROGRESS}+2"}
FUNCTIONS = {"model_deliver": {0, 2}, "model_start": {0, 1}, "model_step": {0, 1}, "model_acknowledge": {0, 1}}
NO_STORE = re.compile(r"(CMP|BIT|TST|PUSH|POP|CALL|BR|J|RET|NOP)", re.IGNORECASE)


@dataclass(frozen=True)
class OrderingFault:
    """One place where the listing does not keep the order."""

    function: str
    message: str


@dataclass(frozen=True)
class Step:
    """What an instruction means here: ``kind`` is store, commit, call or other; ``next`` the instructions after it."""

    kind: str
    operand: str
    next: tuple[int, ...]


def _lines(listing: str) -> dict[str, list[str]]:
    """The functions' instructions, labels and barriers, several on a line taken apart."""
    functions: dict[str, list[str]] = {}
    names = set(re.findall(r"\.type\s+(\w+)\s*,\s*@function", listing))
    current: list[str] | None = None
    for line in listing.splitlines():
        text = line.strip()
        label = re.fullmatch(r"([.\w$]+):", text)
        if label and label[1] in names:
            current = functions.setdefault(label[1], [])
        elif text.startswith(".size"):
            current = None
        elif current is not None and (label or text == BARRIER):
            current.append(text)
        elif current is not None and re.match(r"[A-Za-z]", text):
            current.extend(part.strip() for part in text.split(";")[0].split("{"))
    return functions


def _target(operands: str) -> str:
    return operands.rsplit(",", 1)[-1].strip().lstrip("#")


def _stored(text: str) -> str:
    """The memory operand that an instruction writes, or nothing (registers and stack do not count)."""
    mnemonic, _, operands = text.partition("\t") if "\t" in text else text.partition(" ")
    target = operands.rsplit(",", 1)[-1].strip()
    if NO_STORE.match(mnemonic) or not re.match(r"[&@]|.*\(R\d+\)", target, re.IGNORECASE):
        return ""
    return "" if re.search(r"R1\b", target, re.IGNORECASE) else target


def _steps(lines: list[str]) -> tuple[list[Step], list[str]]:
    """The control flow, with each pair of barriers and what is between taken for one commit; and what is wrong."""
    labels: dict[str, int] = {}
    merged: list[tuple[str, str, str]] = []  # kind, operand, text
    faults: list[str] = []
    inside: list[str] | None = None
    for text in lines:
        if text == BARRIER and inside is None:
            inside = []
        elif text == BARRIER:
            stores = [line for line in inside or [] if _stored(line)]
            if len(stores) != 1 or not re.match(r"(MOV|CLR)X?(\.W)?\s", stores[0], re.IGNORECASE):
                faults.append(f"{len(stores)} stores between two barriers, where one of 16 bits belongs")
            if any(re.match(r"(\.?\w+:|J|BR|CALL|RET)", line, re.IGNORECASE) for line in inside or []):
                faults.append("a jump, label or call between two barriers")
            merged.append(("commit", _stored(stores[0]) if stores else "", ""))
            inside = None
        elif inside is not None:
            inside.append(text)
        elif text.endswith(":"):
            labels[text[:-1]] = len(merged)
        else:
            call = re.match(r"CALLA?\s+(.*)", text, re.IGNORECASE)
            if call:
                name = call[1].strip().lstrip("#")
                kind = {"nvm_commit": "commit", "nvm_put": "store"}.get(name.split(".")[0], "call")
                merged.append((kind, name, text))
            else:
                merged.append(("store" if _stored(text) else "other", _stored(text), text))
    if inside is not None:
        faults.append("a barrier without its partner")
    steps = []
    for i, (kind, operand, text) in enumerate(merged):
        jump = re.match(r"(J\w+|BRA?)\s+(.*)", text, re.IGNORECASE)
        after: list[int] = [] if re.match(r"RET", text, re.IGNORECASE) else [i + 1]
        if jump:
            where = labels.get(_target(jump[2]))
            if where is None:
                faults.append(f"a jump that cannot be followed: {text}")
            elif jump[1].upper() in ("JMP", "BR", "BRA"):
                after = [where]
            else:
                after.append(where)
        steps.append(Step(kind, operand, tuple(n for n in after if n < len(merged))))
    return steps, faults


def _commits_before(steps: list[Step]) -> list[set[int]]:
    """For each instruction, how many commits there can have been on the ways to it (3: more than 2)."""
    before: list[set[int]] = [set() for _ in steps]
    work = [(0, 0)]
    while work:
        at, count = work.pop()
        if at < len(steps) and count not in before[at]:
            before[at].add(count)
            passed = min(3, count + (steps[at].kind == "commit"))
            work.extend((after, passed) for after in steps[at].next)
    return before


def _check_function(name: str, steps: list[Step], ends_with: set[int]) -> Iterable[str]:
    before = _commits_before(steps)
    stores_after = {1} if name == "model_deliver" else {0}
    payload = [(step, counts) for step, counts in zip(steps, before, strict=True) if step.kind == "store" and counts]
    for step, counts in payload:
        if counts != stores_after:
            yield f"data store to {step.operand} on the wrong side of a commit"
    for step, counts in zip(steps, before, strict=True):
        if step.kind == "call" and not step.operand.startswith("_") and counts - {0}:
            yield f"call of {step.operand} after a commit"
        if not step.next and counts and not counts <= ends_with:
            yield f"a way out with {sorted(counts)} commits instead of {sorted(ends_with)}"
    if not any(step.kind == "commit" for step in steps):
        yield "no commit between barriers"
    if name == "model_deliver":
        if len(payload) < 3:
            yield f"{len(payload)} payload stores between the commits, where id (two words) and input belong"


def check_ordering(listing: str) -> tuple[OrderingFault, ...]:
    """Every fault in the assembly of runtime.c (``msp430-elf-gcc -S``); empty where the order is kept."""
    found: list[OrderingFault] = []
    functions = _lines(listing)
    for name, lines in functions.items():
        steps, faults = _steps(lines)
        found.extend(OrderingFault(name, fault) for fault in faults)
        for step in steps:
            if step.kind == "store" and step.operand in SELECTORS:
                found.append(OrderingFault(name, f"{step.operand} is stored without barriers"))
        if name in FUNCTIONS:
            found.extend(OrderingFault(name, fault) for fault in _check_function(name, steps, FUNCTIONS[name]))
    found.extend(OrderingFault(name, "not in the listing") for name in FUNCTIONS if name not in functions)
    if "nvm_commit" in functions and not any(step.kind == "commit" for step in _steps(functions["nvm_commit"])[0]):
        found.append(OrderingFault("nvm_commit", "no store between barriers"))
    return tuple(found)


def listing(compiler: Path | str, source: Path, include: Path, *flags: str) -> str:
    """The assembly of one C file. Raises ToolError where the compiler is missing or refuses."""
    command = [str(compiler), "-S", "-std=c99", f"-I{include}", *flags, str(source), "-o", "-"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise ToolError(f"cannot run {compiler}: {error.strerror}", "install msp430-elf-gcc") from error
    if done.returncode != 0:
        raise ToolError(f"{compiler} refuses {source.name}", (done.stderr.splitlines() or ["no message"])[0])
    return done.stdout
