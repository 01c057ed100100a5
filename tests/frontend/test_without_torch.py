"""An archive is read, with its data, by an interpreter that has no torch; and nothing is imported that runs pickles."""

import subprocess
import sys

SCRIPT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pickle5", "safetensors"):
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocker())
import sparsecomp
from sparsecomp.errors import SparseCompError
loaded = sparsecomp.load(sys.argv[1])
assert [node.op for node in loaded.graph.nodes] == ["conv", "relu", "max_pool", "reshape", "linear"]
assert loaded.calibration[0].shape == (12, 1, 8, 8) and loaded.labels.shape == (12,)
from sparsecomp.ops import run_float
values = run_float(loaded.graph, loaded.samples)[loaded.graph.outputs[0]]
assert (values.argmax(1) == loaded.labels).all()
assert not [name for name in sys.modules if name.split(".")[0] == "torch"]
try:
    sparsecomp.save(None, "x.pt", None)
except SparseCompError as error:
    print(error.hint)
"""


def test_archives_need_no_torch(model):
    result = subprocess.run([sys.executable, "-c", SCRIPT, str(model)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "pip install 'torch>=2.10'"
