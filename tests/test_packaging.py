"""The wheel, built from the sdist, holds every file of the packages and works outside the checkout without torch."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import sparsecomp

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "sparsecomp": "sparsecomp",
    "tools": "sparsecomp_tools",
    "boards": "sparsecomp_boards",
    "firmware": "sparsecomp_firmware",
}


def run(*words: object, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project_files() -> list[Path]:
    """Paths of the files that are tracked, or would be after the next `git add`."""
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the sdist of a copy of the checkout."""
    copy = tmp_path_factory.mktemp("copy")
    for path in project_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    run(sys.executable, "-m", "build", "--no-isolation", ".", cwd=copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_exactly_the_files_of_the_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = {Path(name).name for name in archive.namelist() if ".dist-info/licenses/" in name}
    wanted = {
        str(Path(FOLDERS[path.parts[0]], *path.parts[1:])) for path in project_files() if path.parts[0] in FOLDERS
    }
    assert held == wanted
    assert licences == {"LICENSE", "LICENSE.fashion-mnist"}


def test_every_folder_with_python_is_a_listed_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join((FOLDERS[path.parts[0]], *path.parts[1:-1]))
        for path in project_files()
        if path.suffix == ".py" and path.parts[0] in FOLDERS
    }
    assert found == listed
    for path in project_files():
        if path.suffix == ".py" and path.parts[0] in FOLDERS:
            assert (ROOT / path).with_name("__init__.py").is_file()


def test_the_version_is_written_once_more_and_the_same():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == sparsecomp.__version__


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A new environment with the wheel alone; what it depends on comes from the test environment, except torch."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    run(sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "-q", "--no-deps", wheel, cwd=home)
    (site,) = (home / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (site / "torch.py").write_text("raise ImportError('there is no torch here')\n")
    return home


def test_the_installed_packages_are_not_the_checkout(installed, tmp_path):
    code = (
        "import sparsecomp, sparsecomp_tools, sparsecomp_boards, sparsecomp_firmware as f; print(sparsecomp.__file__)"
    )
    assert run(installed / "bin" / "python", "-c", code, cwd=tmp_path).startswith(str(installed))
    code = "from sparsecomp.datasets import load_fashion; print(len(load_fashion()[0]))"
    assert run(installed / "bin" / "python", "-c", code, cwd=tmp_path) == "5000\n"
    assert "msp430fr5994" in run(installed / "bin" / "sparsecomp", "boards", "list", cwd=tmp_path)
    blocked = subprocess.run([installed / "bin" / "python", "-c", "import torch"], capture_output=True, text=True)
    assert "there is no torch here" in blocked.stderr


def test_the_wheel_deploys_to_the_host_without_torch(installed, model, tmp_path):
    deploy = installed / "bin" / "sparsecomp-deploy"
    text = run(deploy, "--board", "host", model, "-o", "project", "--failures", 50, cwd=tmp_path)
    assert "FITS" in text and "PASS" in text
    assert (tmp_path / "project" / "model.c").is_file()
