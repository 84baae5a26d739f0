# METADATA
# title: Containers do not bind ports of their node
# description: A host port bypasses services and network policies, and lets one pod a node run.
# custom:
#   severity: error
#   remedy: Remove hostPort, and reach the container through a Service.
package kubernetes.host_ports

import data.lib.k8s

violation contains k8s.violation(container, path, sprintf("binds port %v of its node", [port.hostPort])) if {
	some container in k8s.containers
	some index, port in k8s.list(container.spec, "ports")
	path := sprintf("ports[%d].hostPort", [index])
	port.hostPort != 0
}
