"""Live views in the notebook: the run panel, the inspector, the start bar. Their JavaScript is in js/."""
