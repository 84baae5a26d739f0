package kubernetes.host_namespaces_test

import data.kubernetes.host_namespaces
import data.lib.fixtures

found(field) := {"message": sprintf("the pod sets %s", [field]), "path": sprintf("spec.%s", [field])}

test_each_shared_namespace_is_found if {
	every field in ["hostIPC", "hostNetwork", "hostPID"] {
		host_namespaces.violation == {found(field)} with input as fixtures.pod({field: true})
	}
}

test_pod_that_shares_none_passes if {
	spec := {"hostIPC": false, "hostNetwork": false, "hostPID": false}
	host_namespaces.violation == set() with input as fixtures.pod(spec)
	host_namespaces.violation == set() with input as fixtures.pod({})
}
