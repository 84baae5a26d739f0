package kubernetes.service_account_token_test

import data.kubernetes.service_account_token
import data.lib.fixtures

found := {{
	"message": "the pod mounts the token of the default service account",
	"path": "spec.automountServiceAccountToken",
}}

test_pod_that_does_not_say_is_found if {
	service_account_token.violation == found with input as fixtures.pod({})
}

test_pod_that_mounts_the_default_token_is_found if {
	service_account_token.violation == found with input as fixtures.pod({"automountServiceAccountToken": true})
	service_account_token.violation == found with input as fixtures.pod({"serviceAccountName": "default"})
	service_account_token.violation == found with input as fixtures.pod({"serviceAccountName": ""})
}

test_pod_without_token_passes if {
	service_account_token.violation == set() with input as fixtures.pod({"automountServiceAccountToken": false})
}

test_pod_that_names_its_account_passes if {
	service_account_token.violation == set() with input as fixtures.pod({"serviceAccountName": "web"})
}
