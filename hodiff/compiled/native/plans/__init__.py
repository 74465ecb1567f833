"""Plans: what of a program is an index function, what has a buffer, which loops go together."""
