# METADATA
# title: Containers cannot gain privileges
# description: Unless it is forbidden, a set-uid binary in the image makes any process root.
# custom:
#   severity: error
#   remedy: Set securityContext.allowPrivilegeEscalation to false.
package kubernetes.privilege_escalation

import data.lib.k8s

violation contains k8s.violation(container, path, "may gain privileges") if {
	some container in k8s.containers
	path := "securityContext.allowPrivilegeEscalation"
	not is_forbidden(container)
}

is_forbidden(container) if container.spec.securityContext.allowPrivilegeEscalation == false
