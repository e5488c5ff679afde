"""The rules of what may be wrong with the memory of a node; `RULES` are all of them, the most urgent first."""

from exporter.findings.host import HOST_RULES
from exporter.findings.limits import LIMIT_RULES
from exporter.findings.misconfiguration import ORDER_RULES
from exporter.findings.peers import CLUSTER_RULES
from exporter.findings.waste import WASTE_RULES

RULES = (*LIMIT_RULES, *ORDER_RULES, *HOST_RULES, *CLUSTER_RULES, *WASTE_RULES)
