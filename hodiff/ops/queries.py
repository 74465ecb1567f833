"""Questions about arrays whose answers carry no derivative."""
