package kubernetes.resources_test

import data.kubernetes.resources
import data.lib.fixtures

missing(path) := {
	"message": sprintf("container app has no resources.%s", [path]),
	"path": sprintf("spec.containers[0].resources.%s", [path]),
}

complete := {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 1, "memory": "1Gi"}}

without(path) := fixtures.container({"resources": json.remove(complete, [path])})

paths := {"limits/cpu", "limits/memory", "requests/cpu", "requests/memory"}

every_one := {missing(replace(path, "/", ".")) | some path in paths}

test_each_missing_resource_is_found if {
	every path in paths {
		resources.violation == {missing(replace(path, "/", "."))} with input as without(path)
	}
}

test_container_that_does_not_say_misses_all if {
	resources.violation == every_one with input as fixtures.container({})
	resources.violation == every_one with input as fixtures.container({"resources": null})
	resources.violation == every_one with input as fixtures.container({"resources": {"limits": null}})
}

test_resource_that_is_null_is_missing if {
	fields := object.union(complete, {"limits": {"cpu": null}})
	resources.violation == {missing("limits.cpu")} with input as fixtures.container({"resources": fields})
}

test_complete_container_passes if {
	resources.violation == set() with input as fixtures.container({"resources": complete})
}

test_ephemeral_container_needs_none if {
	resources.violation == set() with input as fixtures.pod({"ephemeralContainers": [{"name": "debug"}]})
}

test_what_is_stated_is_a_parameter if {
	resources.violation == {missing("limits.memory")} with input as fixtures.container({})
		with data.parameters.resources as {"limits": ["memory"]}
}
