"""A synthetic region in the sources' own formats, with its truth: to learn with, to test with."""

from poml_map.demo.write import write_demo

__all__ = ["write_demo"]
