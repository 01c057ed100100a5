"""A way to run the command line and look at everything it prints."""

from dataclasses import dataclass

import pytest

from sparsecomp.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """Asserts the exit code and, as the last of stderr, one line of error and one of hint that hold ``words``."""
        assert self.code == code, self.out + self.err
        assert "Traceback" not in self.err
        lines = self.err.strip().splitlines()
        assert len(lines) >= 2 and lines[-2].startswith("error: ") and lines[-1].startswith("hint: "), self.err
        assert sum(line.startswith(("error:", "hint:")) for line in lines) == 2
        for word in words:
            assert word in "\n".join(lines[-2:])


@pytest.fixture
def cli(capsys):
    """Runs the command line in this process: ``cli("boards", "list")``."""

    def run(*words: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words], prog_name="sparsecomp")
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return run
