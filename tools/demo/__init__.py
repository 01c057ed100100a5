"""The demo: a small CNN trained on real images and saved as model.pt, for ``sparsecomp-deploy`` to take from there."""
