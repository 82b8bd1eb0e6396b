"""The demo: one honest agent, then one that cheats, on a project and a server of their own."""
