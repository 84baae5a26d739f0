package kubernetes.seccomp_test

import data.kubernetes.seccomp
import data.lib.fixtures

found := {{
	"message": "container app has no seccomp profile",
	"path": "spec.containers[0].securityContext.seccompProfile.type",
}}

profile(type) := {"seccompProfile": {"type": type}}

test_unconfined_container_is_found if {
	seccomp.violation == found with input as fixtures.secured(profile("Unconfined"))
}

test_container_that_does_not_say_is_found if {
	seccomp.violation == found with input as fixtures.secured({"seccompProfile": {}})
	seccomp.violation == found with input as fixtures.secured({"seccompProfile": null})
	seccomp.violation == found with input as fixtures.secured({})
	seccomp.violation == found with input as fixtures.container({})
}

test_confined_container_passes if {
	seccomp.violation == set() with input as fixtures.secured(profile("RuntimeDefault"))
	seccomp.violation == set() with input as fixtures.secured(profile("Localhost"))
}

test_profile_of_the_pod_counts if {
	spec := {"securityContext": profile("RuntimeDefault"), "containers": [{"name": "app"}]}
	seccomp.violation == set() with input as fixtures.pod(spec)
}

test_profiles_are_a_parameter if {
	seccomp.violation == found with input as fixtures.secured(profile("Localhost"))
		with data.parameters.seccomp_profiles as ["RuntimeDefault"]
}
