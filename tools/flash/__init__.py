"""Flash runners: ways to get a firmware onto a board and to be sure that it is there."""

from sparsecomp_tools.flash.bsl import BslRunner, password_of
from sparsecomp_tools.flash.bsl_client import BootLoader
from sparsecomp_tools.flash.choosing import RUNNERS, choose
from sparsecomp_tools.flash.ports import PortInfo, open_port, serial_ports
from sparsecomp_tools.flash.runner import Found, Runner
from sparsecomp_tools.flash.segments import Segment, entry_point, fram_segments
from sparsecomp_tools.flash.virtual import VirtualRunner

__all__ = [
    "RUNNERS",
    "BootLoader",
    "BslRunner",
    "Found",
    "PortInfo",
    "Runner",
    "Segment",
    "VirtualRunner",
    "choose",
    "entry_point",
    "fram_segments",
    "open_port",
    "password_of",
    "serial_ports",
]
