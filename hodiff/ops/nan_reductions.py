"""Reductions that leave out NaN: nansum, nanmean, nanmax and their kin."""
