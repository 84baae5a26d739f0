package kubernetes.rbac_wildcards_test

import data.kubernetes.rbac_wildcards

role(kind, rules) := {"kind": kind, "metadata": {"name": "web"}, "rules": rules}

found(kind, field) := {{
	"message": sprintf("%s web grants all %s", [kind, field]),
	"path": sprintf("rules[0].%s", [field]),
}}

test_each_wildcard_is_found if {
	every field in ["apiGroups", "nonResourceURLs", "resources", "verbs"] {
		rbac_wildcards.violation == found("Role", field) with input as role("Role", [{field: ["get", "*"]}])
	}
}

test_cluster_role_is_looked_at_too if {
	rbac_wildcards.violation == found("ClusterRole", "verbs") with input as role("ClusterRole", [{"verbs": ["*"]}])
}

test_role_that_names_what_it_grants_passes if {
	rule := {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
	rbac_wildcards.violation == set() with input as role("Role", [rule])
	rbac_wildcards.violation == set() with input as role("Role", null)
	rbac_wildcards.violation == set() with input as {"kind": "Role"}
}

test_other_kinds_pass if {
	rbac_wildcards.violation == set() with input as role("Thing", [{"verbs": ["*"]}])
}
