"""Judge jobs: environments, test runners and their results."""
