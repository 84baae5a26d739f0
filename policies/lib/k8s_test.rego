package lib.k8s_test

import data.lib.fixtures
import data.lib.k8s

template := {"spec": {"containers": [{"name": "app"}]}}

workload(kind) := {"kind": kind, "spec": {"template": template}}

paths := {container.path | some container in k8s.containers}

test_every_workload_has_the_pod_of_its_template if {
	kinds := ["DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"]
	every kind in kinds {
		paths == {"spec.template.spec.containers[0]"} with input as workload(kind)
	}
}

test_cron_job_has_the_pod_of_its_job if {
	job := {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}}
	paths == {"spec.jobTemplate.spec.template.spec.containers[0]"} with input as job
}

test_pod_template_has_a_pod if {
	paths == {"template.spec.containers[0]"} with input as {"kind": "PodTemplate", "template": template}
}

test_unknown_kind_with_containers_has_a_pod if {
	paths == {"spec.template.spec.containers[0]"} with input as workload("Rollout")
}

test_manifest_without_kind_is_known_by_its_containers if {
	paths == {"spec.template.spec.containers[0]"} with input as {"spec": {"template": template}}
}

test_known_kind_has_one_pod_and_no_other if {
	inner := {"kind": "Pod", "spec": {"template": template}}
	{pod.path | some pod in k8s.pods} == {"spec"} with input as inner
}

test_unknown_kind_without_containers_has_no_pod if {
	k8s.pods == set() with input as {"kind": "ConfigMap", "data": {}}
	k8s.pods == set() with input as {"kind": "Rollout", "spec": {"template": {"spec": {"containers": null}}}}
}

test_every_workload_has_a_pod_even_without_a_template if {
	kinds := ["DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"]
	every kind in kinds {
		expected := {"name": "the pod", "path": "spec.template.spec", "spec": {}}
		k8s.pods == {expected} with input as {"kind": kind}
	}
}

test_containers_of_all_three_kinds_are_found if {
	spec := {
		"containers": [{"name": "app"}],
		"ephemeralContainers": [{"name": "debug"}],
		"initContainers": [{"name": "init"}, {}],
	}
	k8s.containers == {
		{
			"field": "containers",
			"name": "container app",
			"path": "spec.containers[0]",
			"pod": spec,
			"spec": {"name": "app"},
		},
		{
			"field": "ephemeralContainers",
			"name": "container debug",
			"path": "spec.ephemeralContainers[0]",
			"pod": spec,
			"spec": {"name": "debug"},
		},
		{
			"field": "initContainers",
			"name": "container init",
			"path": "spec.initContainers[0]",
			"pod": spec,
			"spec": {"name": "init"},
		},
		{
			"field": "initContainers",
			"name": "container 1",
			"path": "spec.initContainers[1]",
			"pod": spec,
			"spec": {},
		},
	} with input as fixtures.pod(spec)
}

test_container_list_that_is_null_or_no_list_is_empty if {
	k8s.containers == set() with input as fixtures.pod({"containers": null})
	k8s.containers == set() with input as fixtures.pod({"containers": "app"})
	k8s.containers == set() with input as fixtures.pod(null)
}

test_list_that_is_absent_is_empty if {
	k8s.list({"a": [1]}, "a") == [1]
	k8s.list({}, "a") == []
	k8s.list({"a": null}, "a") == []
	k8s.list(null, "a") == []
}

test_setting_of_the_container_wins_over_the_pods if {
	own := {"spec": {"securityContext": {"runAsUser": 1}}, "pod": {"securityContext": {"runAsUser": 2}}}
	inherited := {"spec": {}, "pod": {"securityContext": {"runAsUser": 2}}}
	unset := {"spec": {"securityContext": {"runAsUser": null}}, "pod": {"securityContext": {"runAsUser": 2}}}
	none := {"spec": {}, "pod": {}}
	k8s.security(own, "runAsUser") == 1
	k8s.security(inherited, "runAsUser") == 2
	k8s.security(unset, "runAsUser") == 2
	not k8s.security(none, "runAsUser")
}

test_false_of_the_container_is_a_setting if {
	own := {"spec": {"securityContext": {"runAsNonRoot": false}}, "pod": {"securityContext": {"runAsNonRoot": true}}}
	k8s.security(own, "runAsNonRoot") == false
}

test_violation_names_its_part_and_path if {
	part := {"name": "container app", "path": "spec.containers[0]"}
	k8s.violation(part, "image", "is old") == {"message": "container app is old", "path": "spec.containers[0].image"}
	k8s.violation(part, "", "is old").path == "spec.containers[0]"
}

test_manifest_is_named_by_what_it_has if {
	k8s.manifest == {"name": "Pod web", "path": ""} with input as fixtures.pod({})
	k8s.manifest == {"name": "Pod", "path": ""} with input as {"kind": "Pod"}
	k8s.manifest == {"name": "", "path": ""} with input as {}
}
