"""Running products and sums: cumprod, cumulative_sum, cumulative_prod."""
