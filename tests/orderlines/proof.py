"""How the ledger's laws are proved: on 300 random cases each, however slow the machine is."""

from hypothesis import HealthCheck, settings

PROOF = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
