# METADATA
# title: Network policies name whom they let through, and on which ports
# description: A rule without peers or without ports lets everybody, or everything, through, and looks like a fence.
# custom:
#   severity: error
#   remedy: Give each rule its peers (from or to) and its ports, and no block of addresses that is the whole network.
package kubernetes.open_flows

import data.lib.k8s

violation contains k8s.violation(k8s.manifest, path, sprintf("names no peer of a rule of its %s", [direction])) if {
	some direction, peers in sides
	some index, rule in rules(direction)
	not has_items(rule, peers)
	path := sprintf("spec.%s[%d].%s", [direction, index, peers])
}

violation contains k8s.violation(k8s.manifest, path, sprintf("names no port of a rule of its %s", [direction])) if {
	some direction, _ in sides
	some index, rule in rules(direction)
	not has_items(rule, "ports")
	path := sprintf("spec.%s[%d].ports", [direction, index])
}

violation contains k8s.violation(k8s.manifest, path, sprintf("lets the whole network through its %s", [direction])) if {
	some direction, peers in sides
	some index, rule in rules(direction)
	some number, peer in k8s.list(rule, peers)
	peer.ipBlock.cidr in data.parameters.whole_networks
	path := sprintf("spec.%s[%d].%s[%d].ipBlock.cidr", [direction, index, peers, number])
}

sides := {"egress": "to", "ingress": "from"}

rules(direction) := k8s.list(input.spec, direction) if {
	input.kind == "NetworkPolicy"
} else := []

has_items(rule, field) if count(k8s.list(rule, field)) > 0
