"""The door for models: ``save`` and ``load`` model.pt, ``to_module`` to train a loaded network again."""

from sparsecomp.frontend.extra import Exit
from sparsecomp.frontend.loading import LoadedModel, load
from sparsecomp.frontend.saving import save
from sparsecomp.frontend.trainable import read_back, to_module

__all__ = ["Exit", "LoadedModel", "load", "read_back", "save", "to_module"]
