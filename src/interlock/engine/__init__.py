"""The shell around the core: commands come in here and nowhere else."""
