# METADATA
# title: Containers are not privileged
# description: A privileged container is root on its node, whatever else its security context says.
# custom:
#   severity: error
#   remedy: Remove securityContext.privileged, and add the one capability that is really needed.
package kubernetes.privileged

import data.lib.k8s

violation contains k8s.violation(container, "securityContext.privileged", "is privileged") if {
	some container in k8s.containers
	container.spec.securityContext.privileged == true
}
