package kubernetes.non_root_test

import data.kubernetes.non_root
import data.lib.fixtures

undecided := {
	"message": "container app may run as root",
	"path": "spec.containers[0].securityContext.runAsNonRoot",
}

root := {
	"message": "container app runs as user 0",
	"path": "spec.containers[0].securityContext.runAsUser",
}

inheriting(context) := fixtures.pod({"securityContext": context, "containers": [{"name": "app"}]})

test_container_that_does_not_say_is_found if {
	non_root.violation == {undecided} with input as fixtures.container({})
}

test_container_that_may_be_root_is_found if {
	non_root.violation == {undecided} with input as fixtures.secured({"runAsNonRoot": false})
}

test_user_0_is_found if {
	non_root.violation == {root} with input as fixtures.secured({"runAsNonRoot": true, "runAsUser": 0})
	non_root.violation == {undecided, root} with input as inheriting({"runAsUser": 0})
}

test_container_that_is_not_root_passes if {
	non_root.violation == set() with input as fixtures.secured({"runAsNonRoot": true, "runAsUser": 1})
}

test_setting_of_the_pod_counts if {
	non_root.violation == set() with input as inheriting({"runAsNonRoot": true})
}
