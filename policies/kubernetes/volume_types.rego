# METADATA
# title: Pods mount no directory of their node
# description: A hostPath, or a disk that is named in the pod, takes the pod past its storage class and its node's fences.
# custom:
#   severity: error
#   remedy: Use one of parameters.volume_types; for storage that outlives the pod, a persistentVolumeClaim.
package kubernetes.volume_types

import data.lib.k8s

violation contains k8s.violation(pod, path, sprintf("mounts a %s volume", [type])) if {
	some pod in k8s.pods
	some index, volume in k8s.list(pod.spec, "volumes")
	some type, _ in volume
	not is_allowed(type)
	path := sprintf("volumes[%d].%s", [index, type])
}

is_allowed(type) if type in data.parameters.volume_types

is_allowed(type) if type == "name"
