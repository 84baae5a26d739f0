# METADATA
# title: Containers drop every capability
# description: The default set lets a process change owners, bind low ports and craft packets.
# custom:
#   severity: error
#   remedy: Set securityContext.capabilities.drop to [ALL], and add none but those in parameters.capabilities.
package kubernetes.capabilities

import data.lib.k8s

violation contains k8s.violation(container, "securityContext.capabilities.drop", "keeps capabilities") if {
	some container in k8s.containers
	not drops_all(container)
}

violation contains k8s.violation(container, path, sprintf("adds the capability %v", [capability])) if {
	some container in k8s.containers
	path := "securityContext.capabilities.add"
	some capability in k8s.list(container.spec.securityContext.capabilities, "add")
	not is_allowed(capability)
}

drops_all(container) if "ALL" in container.spec.securityContext.capabilities.drop

is_allowed(capability) if capability in data.parameters.capabilities
