"""One TOML file a board; ``sparsecomp.boards`` reads them."""
