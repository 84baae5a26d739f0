# METADATA
# title: Secrets are not written into manifests
# description: Whoever reads the chart, the release or the pod reads the secret.
# custom:
#   severity: error
#   remedy: Put the value into a Secret, and refer to it with valueFrom.secretKeyRef.
package kubernetes.secret_env

import data.lib.k8s

violation contains k8s.violation(container, path, sprintf("has the value of %s in its manifest", [variable.name])) if {
	some container in k8s.containers
	some index, variable in k8s.list(container.spec, "env")
	is_secret(variable.name)
	is_literal(variable.value)
	path := sprintf("env[%d].value", [index])
}

is_secret(name) if {
	words := split(upper(name), "_")
	some word in words
	word in data.parameters.secret_words
	not is_harmless(words)
}

is_harmless(words) if words[count(words) - 1] in data.parameters.harmless_words

# An empty value, or one that is put together from other variables, is no secret.
is_literal(value) if {
	value != ""
	not startswith(value, "$(")
}
