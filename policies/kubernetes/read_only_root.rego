# METADATA
# title: Containers cannot write to their root file system
# description: What an intruder cannot write, he cannot leave behind.
# custom:
#   severity: error
#   remedy: Set securityContext.readOnlyRootFilesystem to true, and mount an emptyDir where the program writes.
package kubernetes.read_only_root

import data.lib.k8s

violation contains k8s.violation(container, path, "can write to its root file system") if {
	some container in k8s.containers
	path := "securityContext.readOnlyRootFilesystem"
	not is_read_only(container)
}

is_read_only(container) if container.spec.securityContext.readOnlyRootFilesystem == true
