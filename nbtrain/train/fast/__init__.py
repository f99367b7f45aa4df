"""`--fast`: what makes a step faster is tried on the objects at hand, and only what wins is kept."""
