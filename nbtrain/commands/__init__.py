"""The verbs: one command each, used by the magics, the terminal and Python alike."""
