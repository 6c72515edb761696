"""The page that tells the story of a run: one HTML file that needs neither server nor internet."""

from poml_map.products.page.write import PAGE_NAME, write_page

__all__ = ["PAGE_NAME", "write_page"]
