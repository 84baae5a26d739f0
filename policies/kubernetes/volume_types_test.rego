package kubernetes.volume_types_test

import data.kubernetes.volume_types
import data.lib.fixtures

found := {{
	"message": "the pod mounts a hostPath volume",
	"path": "spec.volumes[1].hostPath",
}}

with_volumes(volumes) := fixtures.pod({"volumes": volumes})

test_host_path_is_found if {
	volumes := [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]
	volume_types.violation == found with input as with_volumes(volumes)
}

test_allowed_types_pass if {
	every type in data.parameters.volume_types {
		volume_types.violation == set() with input as with_volumes([{"name": "a", type: {}}])
	}
	count(data.parameters.volume_types) > 0
}

test_pod_without_volumes_passes if {
	volume_types.violation == set() with input as with_volumes([{"name": "a"}])
	volume_types.violation == set() with input as with_volumes(null)
	volume_types.violation == set() with input as fixtures.pod({})
}

test_types_are_a_parameter if {
	volumes := [{"name": "a"}, {"name": "b", "hostPath": {}}]
	volume_types.violation == set() with input as with_volumes(volumes)
		with data.parameters.volume_types as ["hostPath"]
}
