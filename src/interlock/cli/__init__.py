"""The command line; imports lazily, so that --help costs nothing."""
