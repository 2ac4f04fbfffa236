"""What runs on a host: agent and runner. Python 3.5, standard library, sent over a pipe (`engine.hosts.agent_source`).

Names cross the wire as text in UTF-8 with surrogateescape and are used as bytes here, whatever the host's locale.
"""
