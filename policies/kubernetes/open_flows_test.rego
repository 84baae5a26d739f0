package kubernetes.open_flows_test

import data.kubernetes.open_flows

closed := {
	"from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
	"ports": [{"port": 5432}],
}

outward := {
	"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}],
	"ports": [{"port": 443}],
}

network(spec) := {"kind": "NetworkPolicy", "metadata": {"name": "db"}, "spec": spec}

found(words, path) := {{"message": sprintf("NetworkPolicy db %s", [words]), "path": path}}

test_rules_with_peers_and_ports_pass if {
	open_flows.violation == set() with input as network({"ingress": [closed], "egress": [outward]})
}

test_policy_without_rules_denies_and_passes if {
	open_flows.violation == set() with input as network({"policyTypes": ["Ingress", "Egress"]})
	open_flows.violation == set() with input as network({"ingress": [], "egress": null})
	open_flows.violation == set() with input as {"kind": "NetworkPolicy"}
}

test_rule_without_peers_is_found if {
	expected := found("names no peer of a rule of its ingress", "spec.ingress[1].from")
	every rule in [{"ports": [{"port": 1}]}, {"from": [], "ports": [{"port": 1}]}, {"from": null, "ports": [{"port": 1}]}] {
		open_flows.violation == expected with input as network({"ingress": [closed, rule]})
	}
	outside := found("names no peer of a rule of its egress", "spec.egress[0].to")
	open_flows.violation == outside with input as network({"egress": [{"ports": [{"port": 1}]}]})
}

test_rule_without_ports_is_found if {
	expected := found("names no port of a rule of its ingress", "spec.ingress[1].ports")
	every rule in [object.remove(closed, ["ports"]), object.union(closed, {"ports": []})] {
		open_flows.violation == expected with input as network({"ingress": [closed, rule]})
	}
}

test_rule_that_is_empty_is_found_twice if {
	{one.path | some one in open_flows.violation} == {"spec.egress[0].ports", "spec.egress[0].to"} with input as network({"egress": [{}]})
}

test_whole_network_is_found if {
	expected := found("lets the whole network through its egress", "spec.egress[0].to[1].ipBlock.cidr")
	every cidr in ["0.0.0.0/0", "::/0"] {
		peers := [{"podSelector": {}}, {"ipBlock": {"cidr": cidr}}]
		open_flows.violation == expected with input as network({"egress": [object.union(outward, {"to": peers})]})
	}
}

test_networks_are_a_parameter if {
	open_flows.violation != set() with input as network({"egress": [outward]})
		with data.parameters.whole_networks as ["192.0.2.7/32"]
}

test_other_kinds_pass if {
	open_flows.violation == set() with input as {"kind": "Ingress", "spec": {"ingress": [{}], "egress": [{}]}}
}
