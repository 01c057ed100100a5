"""What the linked code shows: how deep the stack can get (frames from the compiler, -fstack-usage), and whether an
interrupt handler uses the multiplier, in which walks keep their sums.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sparsecomp.errors import ToolError
from sparsecomp.toolchain import toolchain_path

CALL_BYTES = 4  # CALLA pushes 20 bits in two words
INTERRUPT_BYTES = 4  # PC and SR
HANDLER = "_interrupt"
KERNELS = ("kernel_", "walk_")

_FUNCTION = re.compile(r"^[0-9a-f]+ <([\w.]+)>:$")
_CALL = re.compile(r"\b(?:calla?|bra?)\s+#(-?\d+)|\bmova\s+#(-?\d+),\s*r0\b")
_NAMED = re.compile(r"\bmova\s+#(-?\d+),\s*r(?!0\b)")
_INDIRECT = re.compile(r"\bcalla?\s+(?!#)")
_MULTIPLIER = re.compile(r"&0x0?4[c-e][0-9a-f]\b")  # MPY32, 0x4C0 to 0x4EC
_PUSH = re.compile(r"\bpush(m?)(\.[aw])?\s+(?:#(\d+))?")
_DOWN = re.compile(r"\bsuba?\s+#(\d+),\s*r1\b")


@dataclass
class _Function:
    """What the disassembly shows of one function: whom it calls, whose address it names, and what it pushes."""

    called: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)
    indirect: bool = False
    multiplies: bool = False
    pushed: int = 0


def stack_depth(elf: Path, build: Path, prefix: str) -> int:
    """Bytes of stack that main and one interrupt can need at once. ``build`` holds the compiler's .su files.

    A call through a pointer may go to any function whose address its caller names, or else to any kernel. Raises
    ToolError where the code calls itself, or where objdump fails.
    """
    addresses, functions = _disassembled(elf, prefix)
    frames = _frames(build)

    @cache
    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        if name in above:
            raise ToolError(f"{name} calls itself: its stack has no bound", "take the recursion out of the firmware")
        function = functions[name]
        named = {addresses[t] for t in function.named if t in addresses}
        callees = {addresses[t] for t in function.called if t in addresses} | named
        if function.indirect and not named:
            callees |= {other for other in functions if other.startswith(KERNELS)}
        frame = frames.get(name, function.pushed)
        return frame + max((CALL_BYTES + depth(callee, (*above, name)) for callee in callees), default=0)

    handlers = [depth(name) for name in functions if name.endswith(HANDLER)]
    return CALL_BYTES + depth("main") + (INTERRUPT_BYTES + max(handlers) if handlers else 0)


def multiplying_handler(elf: Path, prefix: str) -> str:
    """The name of an interrupt handler that reaches the multiplier's registers, '' where none does."""
    addresses, functions = _disassembled(elf, prefix)
    for handler in (name for name in functions if name.endswith(HANDLER)):
        seen, waiting = set(), [handler]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if functions[name].multiplies:
                return handler
            # An address that is named may be one of memory; it is one of a function where it is called.
            targets = functions[name].called | (functions[name].named if functions[name].indirect else set())
            waiting += [addresses[t] for t in targets if t in addresses]
    return ""


def _frames(build: Path) -> dict[str, int]:
    """Frame bytes by function, return address not counted; the largest of two of one name."""
    found: dict[str, int] = {}
    for path in sorted(build.rglob("*.su")):
        for line in path.read_text().splitlines():
            place, size, kind = line.split("\t")[:3]
            name = place.rsplit(":", 1)[-1]
            if "dynamic" in kind and "bounded" not in kind:
                raise ToolError(f"the stack of {name} has no bound", "take the variable-length array out")
            found[name] = max(found.get(name, 0), int(size))
    return found


def _disassembled(elf: Path, prefix: str) -> tuple[dict[int, str], dict[str, _Function]]:
    name = f"{prefix}objdump"
    command = [toolchain_path(name) or name, "-d", "--no-show-raw-insn", str(elf)]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolError(f"{name} cannot read {elf.name}", "it comes with the compiler: check the PATH") from error
    addresses: dict[int, str] = {}
    functions: dict[str, _Function] = {}
    now = _Function()
    for line in text.splitlines():
        head = _FUNCTION.match(line)
        if head and not head[1].startswith("."):  # .L labels are places within a function
            now = functions.setdefault(head[1], _Function())
            addresses[int(line.split()[0], 16)] = head[1]
            continue
        now.called |= {int(n) & 0xFFFFF for pair in _CALL.findall(line) for n in pair if n}
        now.named |= {int(n) & 0xFFFFF for n in _NAMED.findall(line)}
        now.indirect = now.indirect or bool(_INDIRECT.search(line))
        now.multiplies = now.multiplies or bool(_MULTIPLIER.search(line))
        now.pushed += _pushed(line)
    return addresses, functions


def _pushed(line: str) -> int:
    """Bytes by which an instruction moves the stack pointer down."""
    down = _DOWN.search(line)
    if down:
        return int(down[1])
    push = _PUSH.search(line)
    if push is None:
        return 0
    many, size, count = push.groups()
    return (int(count) if many and count else 1) * (4 if size == ".a" else 2)
