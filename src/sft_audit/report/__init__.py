"""Reports, made from rows alone."""
