"""Rearranging and repeating elements: flip, roll, rot90, tile, repeat, resize."""
