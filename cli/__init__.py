"""The door for people: the `mlops` command. Wiring only."""
