package kubernetes.privilege_escalation_test

import data.kubernetes.privilege_escalation
import data.lib.fixtures

found := {{
	"message": "container app may gain privileges",
	"path": "spec.containers[0].securityContext.allowPrivilegeEscalation",
}}

test_container_that_allows_it_is_found if {
	privilege_escalation.violation == found with input as fixtures.secured({"allowPrivilegeEscalation": true})
}

test_container_that_does_not_say_is_found if {
	privilege_escalation.violation == found with input as fixtures.secured({})
	privilege_escalation.violation == found with input as fixtures.container({})
}

test_container_that_forbids_it_passes if {
	privilege_escalation.violation == set() with input as fixtures.secured({"allowPrivilegeEscalation": false})
}
