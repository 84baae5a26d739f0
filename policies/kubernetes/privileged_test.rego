package kubernetes.privileged_test

import data.kubernetes.privileged
import data.lib.fixtures

test_privileged_container_is_found if {
	privileged.violation == {{
		"message": "container app is privileged",
		"path": "spec.containers[0].securityContext.privileged",
	}} with input as fixtures.secured({"privileged": true})
}

test_unprivileged_container_passes if {
	privileged.violation == set() with input as fixtures.secured({"privileged": false})
}

test_container_that_does_not_say_passes if {
	privileged.violation == set() with input as fixtures.container({})
}
