"""``python -m sparsecomp.cli``: the command line without its installed script."""

from sparsecomp.cli import main

if __name__ == "__main__":
    main(prog_name="sparsecomp")
