"""``python -m poml_map`` is ``poml-map``."""

from poml_map.cli import main

if __name__ == "__main__":
    main()
