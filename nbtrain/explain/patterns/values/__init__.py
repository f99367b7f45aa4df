"""Values outside of what is allowed."""
