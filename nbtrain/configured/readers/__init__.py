"""Formats of data on disk: one file each, told by the end of a path's name."""
