"""What makes an environment on a head node; see main.py. Sent with a build, and not with the agent."""
