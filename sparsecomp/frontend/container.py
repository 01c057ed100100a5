"""A zip file from a stranger, as a table of members: names allow-listed, sizes capped, nothing unpacked to disk."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from sparsecomp.errors import InputError

MAX_FILE = 512 << 20  # bytes of the file itself
MAX_TOTAL = 512 << 20  # bytes of all members once unpacked
MAX_MEMBERS = 10_000
MAX_RATIO = 100  # torch stores its members uncompressed; somebody's re-zipped weights may shrink, but not like this

_HINT = "save the model again with sparsecomp.save(model, 'model.pt', example_input)"


def clean(text: object, length: int = 60) -> str:
    """Foreign text made safe for a message or a C comment: printable ASCII, one line, no ``*/``, bounded."""
    text = re.sub(r"[^ -~]|\*(?=/)", "?", str(text)[: length + 1])
    return text if len(text) <= length else text[: length - 3] + "..."


@dataclass(frozen=True)
class Container:
    """An opened zip whose directory has been checked; names are without the common root folder."""

    _zip: zipfile.ZipFile
    _infos: Mapping[str, zipfile.ZipInfo]

    @property
    def names(self) -> tuple[str, ...]:
        """The member names, in file order."""
        return tuple(self._infos)

    def read(self, name: str, limit: int = MAX_TOTAL) -> bytes:
        """The bytes of one member; InputError where it is missing, damaged or above ``limit`` bytes."""
        info = self._infos.get(name)
        if info is None:
            raise InputError(f"the archive has no member '{clean(name)}'", _HINT)
        if info.file_size > limit:
            raise InputError(f"member '{name}' has {info.file_size} bytes, more than the {limit} allowed", _HINT)
        try:
            with self._zip.open(info) as stream:
                data = stream.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as e:
            raise InputError(f"member '{name}' of the archive is damaged: {clean(e)}", _HINT) from e
        if len(data) != info.file_size:
            raise InputError(f"member '{name}' of the archive does not have its declared size", _HINT)
        return data


def open_container(data: bytes, what: str = "the archive") -> Container:
    """The checked directory of a zip: one root folder, no name twice in any case, no bomb. Raises InputError."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, IndexError, UnicodeError) as error:
        raise InputError(f"{what} is a damaged or truncated zip file: {clean(error)}", _HINT) from error
    if not infos:
        raise InputError(f"{what} is empty", _HINT)
    if len(infos) > MAX_MEMBERS:
        raise InputError(f"{what} has {len(infos)} members, more than the {MAX_MEMBERS} allowed", _HINT)
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise InputError(f"{what} unpacks to more than {MAX_TOTAL >> 20} MiB", _HINT)
    root = infos[0].filename.split("/")[0]
    members: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for info in infos:
        _check(info, what)
        folder, slash, name = info.filename.partition("/")
        if folder != root or not slash:
            raise InputError(f"{what} has a member outside its folder: '{clean(info.filename)}'", _HINT)
        if name.casefold() in seen:
            raise InputError(f"{what} holds the member '{clean(name)}' twice", "this file has been tampered with")
        seen.add(name.casefold())
        members[name] = info
    return Container(archive, members)


def _check(info: zipfile.ZipInfo, what: str) -> None:
    name = clean(info.filename)
    parts = info.filename.split("/")
    if not re.fullmatch(r"[A-Za-z0-9_.\-/ ()+=,]+", info.orig_filename) or ".." in parts or "" in parts:
        raise InputError(f"{what} has a member with a suspicious name: '{name}'", "this file has been tampered with")
    if info.flag_bits & 0x1:
        raise InputError(f"{what} has an encrypted member: '{name}'", _HINT)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{what} has a member with an unknown compression: '{name}'", _HINT)
    if info.file_size > MAX_RATIO * max(info.compress_size, 1) and info.file_size > 4096:
        raise InputError(f"member '{name}' unpacks to over {MAX_RATIO} times its size: a zip bomb", _HINT)
