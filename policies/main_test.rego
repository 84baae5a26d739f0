package main_test

import data.lib.fixtures
import data.main

privileged := {
	"message": "container app is privileged",
	"path": "spec.containers[0].securityContext.privileged",
	"rule": "privileged",
}

test_violations_carry_the_name_of_their_rule if {
	privileged in main.violations with input as fixtures.secured({"privileged": true})
}

test_violations_of_every_rule_are_collected if {
	{found.rule | some found in main.violations} == {
		"capabilities",
		"image_tag",
		"non_root",
		"privilege_escalation",
		"probes",
		"read_only_root",
		"resources",
		"seccomp",
		"service_account_token",
	} with input as fixtures.container({})
}

test_manifest_without_pod_has_no_violation if {
	main.violations == set() with input as {"kind": "ConfigMap"}
}

test_denials_are_sentences if {
	sentence := "privileged: container app is privileged (spec.containers[0].securityContext.privileged)"
	sentence in main.deny with input as fixtures.secured({"privileged": true})
}
