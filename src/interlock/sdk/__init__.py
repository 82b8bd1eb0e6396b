"""The agent's client; standard library and interlock.errors only."""
