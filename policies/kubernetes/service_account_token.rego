# METADATA
# title: Pods get no service-account token by accident
# description: The token of the default account is mounted into every pod that does not say otherwise.
# custom:
#   severity: error
#   remedy: Set automountServiceAccountToken to false, or name the service account that the pod needs.
package kubernetes.service_account_token

import data.lib.k8s

violation contains k8s.violation(pod, path, "mounts the token of the default service account") if {
	some pod in k8s.pods
	path := "automountServiceAccountToken"
	not is_off(pod)
	not has_account(pod)
}

is_off(pod) if pod.spec.automountServiceAccountToken == false

has_account(pod) if {
	account := pod.spec.serviceAccountName
	account != ""
	account != "default"
}
