"""The CI job that README.md offers for copying does what it says, in an empty folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

README = Path(__file__).parents[2] / "README.md"


def test_the_job_runs_in_an_empty_folder(model, tmp_path):
    job = re.search(r"```yaml\n(jobs:.*?)```", README.read_text(), re.DOTALL)
    steps = re.findall(r"- run: (.*)", job[1])
    # What installs the package is left to the test of the wheel.
    commands = [step for step in steps if step.startswith("sparsecomp ")]
    assert len(commands) == 1 and len(steps) == 2
    shutil.copy(model, tmp_path / "model.pt")
    words = commands[0].split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "sparsecomp.cli", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ElementTree.parse(tmp_path / "power-failures.xml").getroot().attrib["failures"] == "0"
    assert {path.name for path in tmp_path.iterdir()} == {"model.pt", "power-failures.xml"}
