# METADATA
# title: Containers state what they need and what they may use
# description: Without requests the scheduler guesses; without limits one container starves its node.
# custom:
#   severity: error
#   remedy: Set resources.requests and resources.limits as parameters.resources lists them.
package kubernetes.resources

import data.lib.k8s

violation contains k8s.violation(container, path, sprintf("has no %s", [path])) if {
	some container in k8s.containers
	container.field != "ephemeralContainers" # Kubernetes gives them none
	some group, names in data.parameters.resources
	some name in names
	not states(container, group, name)
	path := sprintf("resources.%s.%s", [group, name])
}

states(container, group, name) if container.spec.resources[group][name] != null
