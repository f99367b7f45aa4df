"""Guards: a cell cannot spoil the run that trains behind it, and the run cannot spoil the notebook."""
