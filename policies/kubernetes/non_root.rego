# METADATA
# title: Containers run as another user than root
# description: Root inside a container is root on its node as soon as anything else fails.
# custom:
#   severity: error
#   remedy: Set securityContext.runAsNonRoot to true on the pod or the container, and no runAsUser of 0.
package kubernetes.non_root

import data.lib.k8s

violation contains k8s.violation(container, "securityContext.runAsNonRoot", "may run as root") if {
	some container in k8s.containers
	not is_non_root(container)
}

violation contains k8s.violation(container, "securityContext.runAsUser", "runs as user 0") if {
	some container in k8s.containers
	k8s.security(container, "runAsUser") == 0
}

is_non_root(container) if k8s.security(container, "runAsNonRoot") == true
