"""The host's end of the serial line: frames, requests, and an inference that survives the device's power failures."""

from sparsecomp_tools.link.device import Device, Status
from sparsecomp_tools.link.line import Line, open_line

__all__ = ["Device", "Line", "Status", "open_line"]
