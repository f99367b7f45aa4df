"""The notebook's front: magics that parse, call one command and show what it returned."""
