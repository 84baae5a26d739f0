package kubernetes.exposed_services_test

import data.kubernetes.exposed_services

service(spec) := {"kind": "Service", "metadata": {"name": "web"}, "spec": spec}

exposed(type) := {{
	"message": sprintf("Service web has the type %s", [type]),
	"path": "spec.type",
}}

addressed := {{
	"message": "Service web has external addresses",
	"path": "spec.externalIPs",
}}

test_exposed_service_is_found if {
	every type in ["NodePort", "LoadBalancer"] {
		exposed_services.violation == exposed(type) with input as service({"type": type})
	}
}

test_external_address_is_found if {
	exposed_services.violation == addressed with input as service({"externalIPs": ["192.0.2.1"]})
}

test_internal_service_passes if {
	exposed_services.violation == set() with input as service({"type": "ClusterIP"})
	exposed_services.violation == set() with input as service({"type": "ExternalName", "externalIPs": []})
	exposed_services.violation == set() with input as service({})
	exposed_services.violation == set() with input as {"kind": "Service"}
}

test_named_service_passes if {
	spec := {"type": "LoadBalancer", "externalIPs": ["192.0.2.1"]}
	exposed_services.violation == set() with input as service(spec)
		with data.parameters.exposed_services as ["web"]
}

test_service_without_name_is_found if {
	exposed_services.violation == {{
		"message": "Service has the type NodePort",
		"path": "spec.type",
	}} with input as {"kind": "Service", "spec": {"type": "NodePort"}}
}

test_other_kinds_pass if {
	exposed_services.violation == set() with input as {"kind": "Thing", "spec": {
		"type": "NodePort",
		"externalIPs": ["192.0.2.1"],
	}}
}

test_types_are_a_parameter if {
	exposed_services.violation == set() with input as service({"type": "NodePort"})
		with data.parameters.service_types as ["NodePort"]
}
