"""The logging backends, one file each; see `nbtrain.runs.tracker` for what each has to offer."""
