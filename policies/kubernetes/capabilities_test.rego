package kubernetes.capabilities_test

import data.kubernetes.capabilities
import data.lib.fixtures

keeping := {
	"message": "container app keeps capabilities",
	"path": "spec.containers[0].securityContext.capabilities.drop",
}

adding(capability) := {
	"message": sprintf("container app adds the capability %s", [capability]),
	"path": "spec.containers[0].securityContext.capabilities.add",
}

with_capabilities(fields) := fixtures.secured({"capabilities": fields})

test_container_that_drops_some_is_found if {
	capabilities.violation == {keeping} with input as with_capabilities({"drop": ["NET_RAW"]})
}

test_container_that_does_not_say_is_found if {
	capabilities.violation == {keeping} with input as with_capabilities({"drop": null})
	capabilities.violation == {keeping} with input as with_capabilities({})
	capabilities.violation == {keeping} with input as fixtures.secured({})
	capabilities.violation == {keeping} with input as fixtures.container({})
}

test_added_capability_is_found if {
	found := {adding("SYS_ADMIN"), adding("ALL")}
	add := ["SYS_ADMIN", "NET_BIND_SERVICE", "ALL"]
	capabilities.violation == found with input as with_capabilities({"drop": ["ALL"], "add": add})
}

test_dropping_all_and_adding_an_allowed_one_passes if {
	capabilities.violation == set() with input as with_capabilities({"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})
	capabilities.violation == set() with input as with_capabilities({"drop": ["NET_RAW", "ALL"]})
}

test_allowed_capabilities_are_a_parameter if {
	capabilities.violation == set() with input as with_capabilities({"drop": ["ALL"], "add": ["CHOWN"]})
		with data.parameters.capabilities as ["CHOWN"]
}
