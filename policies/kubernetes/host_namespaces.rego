# METADATA
# title: Pods do not share the namespaces of their node
# description: A pod in the host's network, processes or memory sees and reaches what belongs to others.
# custom:
#   severity: error
#   remedy: Remove hostNetwork, hostPID and hostIPC.
package kubernetes.host_namespaces

import data.lib.k8s

violation contains k8s.violation(pod, field, sprintf("sets %s", [field])) if {
	some pod in k8s.pods
	some field in ["hostIPC", "hostNetwork", "hostPID"]
	pod.spec[field] == true
}
