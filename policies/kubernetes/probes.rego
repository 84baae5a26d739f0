# METADATA
# title: Long-running containers are probed
# description: Without probes a container that hangs stays in service.
# custom:
#   severity: error
#   remedy: Add a livenessProbe and a readinessProbe that ask the program, not the shell.
package kubernetes.probes

import data.lib.k8s

violation contains k8s.violation(container, probe, sprintf("has no %s", [probe])) if {
	some container in k8s.containers
	is_serving(container)
	some probe in data.parameters.probes
	not has(container, probe)
}

is_serving(container) if {
	container.field == "containers"
	not runs_to_completion(container)
}

# A sidecar is an init container that stays.
is_serving(container) if {
	container.field == "initContainers"
	container.spec.restartPolicy == "Always"
}

runs_to_completion(container) if container.pod.restartPolicy in {"Never", "OnFailure"}

has(container, probe) if is_object(container.spec[probe])
