"""Live views in the notebook: the run panel, the inspector, the start bar. JavaScript in js/, bundled into static/."""
