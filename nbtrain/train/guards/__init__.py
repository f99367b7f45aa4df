"""What a cell changes of a model, its optimizer and its settings while they train: seen, told, put back."""
