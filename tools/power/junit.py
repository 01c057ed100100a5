"""Results in JUnit's XML, which continuous integration services show."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from sparsecomp.errors import ToolError
from sparsecomp_tools.power.exploration import Exploration
from sparsecomp_tools.power.simulation import PowerRun


def _verdict(result: PowerRun | Exploration) -> str:
    """Why it failed, or nothing."""
    if result.divergences:
        return getattr(result, "message", "") or (result.first.describe() if result.first else "diverged")
    if isinstance(result, PowerRun) and not result.passed:
        return "livelock: " + result.summary()
    return ""


def write_junit(path: Path | str, results: dict[str, PowerRun | Exploration], *, suite: str = "sparsecomp") -> None:
    """One test case for each named result. Raises ToolError where the file cannot be written."""
    verdicts = {name: _verdict(result) for name, result in results.items()}
    attributes = {"name": suite, "tests": str(len(results)), "failures": str(sum(map(bool, verdicts.values())))}
    root = ElementTree.Element("testsuites", attributes)
    parent = ElementTree.SubElement(root, "testsuite", attributes)
    for name, result in results.items():
        case = ElementTree.SubElement(parent, "testcase", {"classname": suite, "name": name})
        if verdicts[name]:
            ElementTree.SubElement(case, "failure", {"message": verdicts[name]}).text = verdicts[name]
        ElementTree.SubElement(case, "system-out").text = result.summary()
    ElementTree.indent(root)
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror}", "choose another file for --junit") from error
