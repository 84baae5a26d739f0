# METADATA
# title: Kubernetes objects
# description: >-
#   What rules ask of a manifest, whatever its kind. Everything here is defined for every input: a field that is absent,
#   null or of another type makes a list empty or a helper false, and never a rule silent.
package lib.k8s

# METADATA
# description: Where each kind has the specification of its pod.
templates := {
	"CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
	"DaemonSet": ["spec", "template", "spec"],
	"Deployment": ["spec", "template", "spec"],
	"Job": ["spec", "template", "spec"],
	"Pod": ["spec"],
	"PodTemplate": ["template", "spec"],
	"ReplicaSet": ["spec", "template", "spec"],
	"ReplicationController": ["spec", "template", "spec"],
	"StatefulSet": ["spec", "template", "spec"],
}

# METADATA
# description: The pods that a manifest makes. A kind that is not known has one when there are containers in a template.
pods contains pod_at(templates[input.kind])

pods contains pod_at(["spec", "template", "spec"]) if {
	not known_kind
	is_array(input.spec.template.spec.containers)
}

known_kind if templates[input.kind]

pod_at(path) := {
	"name": "the pod",
	"path": concat(".", path),
	"spec": object.get(input, path, {}),
}

# METADATA
# description: Every container of every pod, of the three kinds of containers.
containers contains container if {
	some pod in pods
	some field in ["containers", "ephemeralContainers", "initContainers"]
	some index, spec in list(pod.spec, field)
	container := {
		"field": field,
		"name": sprintf("container %v", [label(spec, index)]),
		"path": sprintf("%s.%s[%d]", [pod.path, field, index]),
		"pod": pod.spec,
		"spec": spec,
	}
}

label(spec, _) := spec.name

label(spec, index) := index if not named(spec)

named(spec) if spec.name

# METADATA
# description: The list in a field; an empty one when there is none.
list(parent, field) := parent[field] if {
	is_array(parent[field])
} else := []

# METADATA
# description: A setting of the security context, the container's own before the pod's.
security(container, setting) := container.spec.securityContext[setting] if {
	container.spec.securityContext[setting] != null
} else := container.pod.securityContext[setting]

# METADATA
# description: What a rule says of a pod, a container or the manifest.
violation(part, path, words) := {
	"message": sprintf("%s %s", [part.name, words]),
	"path": concat(".", [step | some step in [part.path, path]; step != ""]),
}

# METADATA
# description: The manifest as a whole.
manifest := {"name": concat(" ", names), "path": ""}

names := [name |
	some path in [["kind"], ["metadata", "name"]]
	name := object.get(input, path, null)
	is_string(name)
]
