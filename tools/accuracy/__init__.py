"""Accuracy over serial: every output of a device held against the reference, in a run that can be interrupted."""

from sparsecomp_tools.accuracy.log import Log, Record
from sparsecomp_tools.accuracy.places import AUTO, VIRTUAL, Place, SerialPlace, VirtualPlace, find_port, port_of
from sparsecomp_tools.accuracy.running import Difference, Job, Port, run_accuracy

__all__ = [
    "AUTO",
    "VIRTUAL",
    "Difference",
    "Job",
    "Log",
    "Place",
    "Port",
    "Record",
    "SerialPlace",
    "VirtualPlace",
    "find_port",
    "port_of",
    "run_accuracy",
]
