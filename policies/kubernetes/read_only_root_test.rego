package kubernetes.read_only_root_test

import data.kubernetes.read_only_root
import data.lib.fixtures

found := {{
	"message": "container app can write to its root file system",
	"path": "spec.containers[0].securityContext.readOnlyRootFilesystem",
}}

test_writable_root_is_found if {
	read_only_root.violation == found with input as fixtures.secured({"readOnlyRootFilesystem": false})
}

test_container_that_does_not_say_is_found if {
	read_only_root.violation == found with input as fixtures.secured({})
	read_only_root.violation == found with input as fixtures.container({})
}

test_read_only_root_passes if {
	read_only_root.violation == set() with input as fixtures.secured({"readOnlyRootFilesystem": true})
}
