"""Connectors that read files of others, each in a process of its own: bounded, without a network, with none of our secrets."""
