"""What runs on a host: agent and runner. Python 3.5, standard library, sent over a pipe (see `engine.hosts.agent_source`).

Paths and names cross the wire as text in UTF-8 with surrogateescape and are used as bytes here, whatever the host's locale.
"""
