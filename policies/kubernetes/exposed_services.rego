# METADATA
# title: Services are not reachable from outside unless they are named
# description: A NodePort or LoadBalancer opens a port on every node, past the ingress and its authentication.
# custom:
#   severity: error
#   remedy: Use a ClusterIP behind an ingress, or name the service in parameters.exposed_services.
package kubernetes.exposed_services

import data.lib.k8s

violation contains k8s.violation(k8s.manifest, "spec.type", sprintf("has the type %s", [type])) if {
	input.kind == "Service"
	type := input.spec.type # a ClusterIP when absent
	not is_internal(type)
	not is_named
}

violation contains k8s.violation(k8s.manifest, "spec.externalIPs", "has external addresses") if {
	input.kind == "Service"
	count(k8s.list(input.spec, "externalIPs")) > 0
	not is_named
}

is_internal(type) if type in data.parameters.service_types

is_named if input.metadata.name in data.parameters.exposed_services
