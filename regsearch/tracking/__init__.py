"""Where a study is written down for people to look at: in memory, or in MLflow."""
