package kubernetes.probes_test

import data.kubernetes.probes
import data.lib.fixtures

missing(path, name, probe) := {
	"message": sprintf("container %s has no %s", [name, probe]),
	"path": sprintf("spec.%s.%s", [path, probe]),
}

both(path, name) := {missing(path, name, probe) | some probe in ["livenessProbe", "readinessProbe"]}

test_each_missing_probe_is_found if {
	one := {missing("containers[0]", "app", "livenessProbe")}
	other := {missing("containers[0]", "app", "readinessProbe")}
	probes.violation == one with input as fixtures.container({"readinessProbe": {}})
	probes.violation == other with input as fixtures.container({"livenessProbe": {}})
}

test_container_that_does_not_say_misses_both if {
	probes.violation == both("containers[0]", "app") with input as fixtures.container({})
	probes.violation == both("containers[0]", "app") with input as fixtures.container({"livenessProbe": null})
}

test_probed_container_passes if {
	probes.violation == set() with input as fixtures.container({"livenessProbe": {}, "readinessProbe": {}})
}

test_pod_that_ends_needs_none if {
	containers := [{"name": "app"}]
	always := {"containers": containers, "restartPolicy": "Always"}
	probes.violation == set() with input as fixtures.pod({"containers": containers, "restartPolicy": "Never"})
	probes.violation == set() with input as fixtures.pod({"containers": containers, "restartPolicy": "OnFailure"})
	probes.violation == both("containers[0]", "app") with input as fixtures.pod(always)
}

test_init_container_needs_none_unless_it_stays if {
	plain := {"name": "init"}
	sidecar := {"name": "proxy", "restartPolicy": "Always"}
	probes.violation == set() with input as fixtures.pod({"initContainers": [plain]})
	probes.violation == both("initContainers[1]", "proxy") with input as fixtures.pod({"initContainers": [
		plain,
		sidecar,
	]})
}

test_ephemeral_container_needs_none if {
	probes.violation == set() with input as fixtures.pod({"ephemeralContainers": [{
		"name": "debug",
		"restartPolicy": "Always",
	}]})
}

test_probes_are_a_parameter if {
	probes.violation == {missing("containers[0]", "app", "startupProbe")} with input as fixtures.container({})
		with data.parameters.probes as ["startupProbe"]
}
