# METADATA
# title: Roles name what they grant
# description: A wildcard also grants what is invented tomorrow.
# custom:
#   severity: error
#   remedy: List the verbs, resources and API groups that are used.
package kubernetes.rbac_wildcards

import data.lib.k8s

violation contains k8s.violation(k8s.manifest, path, sprintf("grants all %s", [field])) if {
	input.kind in {"ClusterRole", "Role"}
	some index, rule in k8s.list(input, "rules")
	some field in ["apiGroups", "nonResourceURLs", "resources", "verbs"]
	"*" in rule[field]
	path := sprintf("rules[%d].%s", [index, field])
}
