"""Looks at pickles without running them: which names would one import?"""

from __future__ import annotations

import pickletools
import re

from sparsecomp.errors import InputError
from sparsecomp.frontend.container import clean, open_container

TENSORS = re.compile(
    r"collections\.OrderedDict|(__builtin__|builtins)\.set|torch\._utils\._rebuild_(tensor_v2|parameter)|torch\.serialization\._get_layout"
    r"|torch\.(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage|torch\.(Size|device)"
    r"|torch\.storage\.UntypedStorage|torch\.(float|double|half|bfloat)?\d*"
)


def pickle_globals(data: bytes) -> set[str]:
    """The ``module.name`` of everything that the pickle would import.

    Names that are computed while unpickling are returned as ``<computed>``. InputError where it is no pickle.
    """
    found = set()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in ("GLOBAL", "INST"):
                found.add(str(argument).replace(" ", ".", 1))
            elif opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
                found.add("<computed>")
    except Exception as error:  # genops raises many kinds on damaged data, and runs nothing
        raise InputError(f"the pickle in the file is damaged: {clean(error)}", "save the model again") from error
    return found


def foreign_globals(data: bytes) -> list[str]:
    """Those of ``pickle_globals`` that plain tensors and containers do not need, sorted."""
    return sorted(name for name in pickle_globals(data) if not TENSORS.fullmatch(name))


def check_sample_inputs(data: bytes) -> None:
    """Refuses the sample inputs of an archive where they hold anything but tensors. They are never loaded."""
    container = open_container(data, "the archive's sample input")
    foreign = foreign_globals(container.read("data.pkl", 16 << 20))
    if foreign:
        raise InputError(
            f"the archive's sample inputs are a pickle that calls '{clean(foreign[0])}'",
            "torch.export.load would run it; do not use this file unless you made it, then export with tensors only",
        )
