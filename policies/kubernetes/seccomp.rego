# METADATA
# title: Containers run under a seccomp profile
# description: Without one, every system call of the kernel is open to the process.
# custom:
#   severity: error
#   remedy: Set securityContext.seccompProfile.type to RuntimeDefault on the pod.
package kubernetes.seccomp

import data.lib.k8s

violation contains k8s.violation(container, "securityContext.seccompProfile.type", "has no seccomp profile") if {
	some container in k8s.containers
	not is_confined(container)
}

is_confined(container) if k8s.security(container, "seccompProfile").type in data.parameters.seccomp_profiles
