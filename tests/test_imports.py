"""Importing the package is quick and needs no torch; every public name resolves in a fresh process."""

import subprocess
import sys

import pytest

import sparsecomp


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = "[m for m in ('torch', 'scipy', 'safetensors', 'hypothesis') if m in sys.modules]"


def test_importing_the_package_loads_nothing_heavy():
    others = "[m for m in ('torch', 'numpy', 'jinja2', 'click') if m in sys.modules]"
    assert fresh(f"import sys, sparsecomp; print({others})") == "[]"


@pytest.mark.parametrize(
    "module",
    ["boards", "cli", "cli.boards", "cli.deploy", "cli.early_exit", "datasets", "early_exit", "frontend", "pipeline"],
)
def test_no_module_loads_torch_when_it_is_imported(module):
    assert fresh(f"import sys, sparsecomp.{module}; print({HEAVY})") == "[]"


@pytest.mark.parametrize("name", [name for name in sparsecomp.__all__ if name != "__version__"])
def test_each_public_name_resolves_in_a_fresh_process(name):
    code = f"import sys, sparsecomp; f = sparsecomp.{name}; print(callable(f), f.__name__, {HEAVY})"
    assert fresh(code) == f"True {name} []"
    # No room has a public function's name: importing everything else first must not change what the name means.
    code = (
        "import pkgutil, importlib, sparsecomp\n"
        "for m in pkgutil.walk_packages(sparsecomp.__path__, 'sparsecomp.'):\n"
        "    importlib.import_module(m.name)\n"
        f"print(callable(sparsecomp.{name}), type(sparsecomp.{name}).__name__)"
    )
    assert fresh(code) == "True function"


def test_every_public_name_is_documented():
    assert sparsecomp.__doc__
    for name in sparsecomp.__all__:
        assert name in dir(sparsecomp)
        assert name == "__version__" or getattr(sparsecomp, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'deplooy'"):
        sparsecomp.deplooy  # noqa: B018
