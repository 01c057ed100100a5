"""C sources, headers and templates that a generated project is made of. Nothing to import: files are read as data."""
