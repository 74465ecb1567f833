"""Arrays built from others: block, append, insert, delete, meshgrid, linspace, vander, diag, tri."""
