# METADATA
# title: Nobody is bound to an administrator's role
# description: Whoever holds such a role, or a token of one who does, owns the cluster.
# custom:
#   severity: error
#   remedy: Bind a role of the program's own with the few permissions that it uses.
package kubernetes.rbac_bindings

import data.lib.k8s

violation contains k8s.violation(k8s.manifest, "roleRef.name", sprintf("binds the role %s", [input.roleRef.name])) if {
	input.kind in {"ClusterRoleBinding", "RoleBinding"}
	input.roleRef.name in data.parameters.forbidden_roles
}
