"""Commands about the papers: their recipes, and their tables."""
