"""Flash runner ``dslite``: the command line of TI's UniFlash. Options and configuration file are recalled."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sparsecomp.boards import Board
from sparsecomp_tools.flash.runner import Found, entry_of, fill, output_of, required, run_tool, version_in
from sparsecomp_tools.flash.segments import fram_segments

PROGRAMS = ("dslite.sh", "dslite", "DSLite")
FOLDERS = ("ti/uniflash*", "ti/UniFlash*")  # below the home folder, where TI's installer puts it

# A target configuration as Code Composer Studio writes one: the LaunchPad's debug interface and the device.
CONFIGURATION = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<configurations XML_version="1.2" id="configurations_0">
  <configuration XML_version="1.2" id="TI MSP430 USB1">
    <instance XML_version="1.2" desc="TI MSP430 USB1" href="connections/TIMSP430-USB.xml" id="TI MSP430 USB1"
      xml="TIMSP430-USB.xml" xmlpath="connections"/>
    <connection XML_version="1.2" id="TI MSP430 USB1">
      <instance XML_version="1.2" href="drivers/msp430_emu.xml" id="drivers" xml="msp430_emu.xml" xmlpath="drivers"/>
      <platform XML_version="1.2" id="platform_0">
        <instance XML_version="1.2" desc="{device}" href="devices/{device}.xml" id="{device}" xml="{device}.xml"
          xmlpath="devices"/>
      </platform>
    </connection>
  </configuration>
</configurations>
"""


@dataclass(frozen=True)
class DsliteRunner:
    """Runs the board file's command with {elf} and {ccxml}. The tool itself verifies; it reads nothing back for us."""

    name: str = "dslite"
    install: str = "install TI's UniFlash and put its dslite.sh on the PATH"
    needs_board: bool = True

    def find(self) -> Found | None:
        """DSLite on the PATH, or in a UniFlash folder of this user."""
        path = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if path is None:
            places = [p / "dslite.sh" for pattern in FOLDERS for p in sorted(Path.home().glob(pattern), reverse=True)]
            path = next((str(place) for place in places if place.is_file()), None)
        if path is None:
            return None
        warnings = ("its options were never checked: they are recalled",)
        return Found(path, version_in(output_of([path, "--version"])), warnings)

    def program(self, elf: Path | str, board: Board, port: str | None = None) -> None:
        """Programs ``elf`` on the debug interface that is plugged in; ``port`` says nothing to this tool."""
        found = required(self)
        entry = entry_of(board, self.name)
        fram_segments(elf, board)  # refuses what is no firmware for this board
        with tempfile.TemporaryDirectory(prefix="sparsecomp-flash-") as name:
            folder = Path(name)
            shutil.copy(elf, folder / "fw.out")
            (folder / "board.ccxml").write_text(CONFIGURATION.format(device=board.mcu.upper()))
            command = fill(entry.command, {"elf": "fw.out", "ccxml": "board.ccxml", "port": port})
            run_tool([found.path, *command[1:]], folder, self.name, self.install)
