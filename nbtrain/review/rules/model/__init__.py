"""Rules on what a network is made of: activations, initial weights, dropout, normalisation, layouts."""
