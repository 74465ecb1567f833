"""Statistics: average, cov, corrcoef, ptp, histograms with weights, bincount."""
