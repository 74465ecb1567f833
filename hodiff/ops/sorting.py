"""Sorting and what rests on it: sort, partition, median, percentile, quantile."""
