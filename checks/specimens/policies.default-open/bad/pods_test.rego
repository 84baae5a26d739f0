package pods_test

import data.pods

test_pod_on_the_host_is_refused if not pods.allow with input as {"kind": "Pod", "spec": {"hostNetwork": true}}
