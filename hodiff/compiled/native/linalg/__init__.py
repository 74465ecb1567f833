"""Linear algebra: matrices in memory, products, factors, solutions."""
