"""Weights that are loaded: state_dicts and files."""

# The keys of a file and of a model that differ by what wrappers put before them.
WITH_PREFIX = (
    r'Missing key\(s\) in state_dict: "(?P<key>[^"]+)"[\s\S]*?'
    r'Unexpected key\(s\) in state_dict: "(?P<prefix>(?:[A-Za-z_]\w*\.)+)(?P=key)"'
)
WITHOUT_PREFIX = (
    r'Missing key\(s\) in state_dict: "(?P<wrap>(?:module\.|_orig_mod\.)+)(?P<inner>[^"]+)"[\s\S]*?'
    r'Unexpected key\(s\) in state_dict: "(?P=inner)"'
)
SIZES = r"size mismatch for ([\w.]+): copying a param with shape (?:torch\.Size\()?\[([\d, ]*)\]\)? from checkpoint, the shape in current model is (?:torch\.Size\()?\[([\d, ]*)\]"
NEITHER_PREFIX_NOR_SIZES = f"{WITH_PREFIX}|{WITHOUT_PREFIX}|{SIZES}"
