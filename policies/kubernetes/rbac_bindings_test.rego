package kubernetes.rbac_bindings_test

import data.kubernetes.rbac_bindings

binding(kind, role) := {"kind": kind, "metadata": {"name": "web"}, "roleRef": {"name": role}}

test_binding_of_an_administrator_is_found if {
	every kind in ["ClusterRoleBinding", "RoleBinding"] {
		rbac_bindings.violation == {{
			"message": sprintf("%s web binds the role cluster-admin", [kind]),
			"path": "roleRef.name",
		}} with input as binding(kind, "cluster-admin")
	}
}

test_binding_of_another_role_passes if {
	rbac_bindings.violation == set() with input as binding("RoleBinding", "web")
	rbac_bindings.violation == set() with input as {"kind": "RoleBinding"}
}

test_other_kinds_pass if {
	rbac_bindings.violation == set() with input as binding("Thing", "cluster-admin")
}

test_roles_are_a_parameter if {
	count(rbac_bindings.violation) == 1 with input as binding("RoleBinding", "owner")
		with data.parameters.forbidden_roles as ["owner"]
}
