"""`regsearch ui`: MLflow's own server, lean and on this machine alone, at the last study."""
