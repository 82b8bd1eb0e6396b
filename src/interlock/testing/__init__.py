"""What is shipped for tests: in-memory store, fake clock, scripted agent."""
