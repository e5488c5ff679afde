"""Prometheus' recording and alert rules, and who is told of them, for any installation: the command `rules`.

`make rules` keeps what it gives by default in `deploy/`.
"""
