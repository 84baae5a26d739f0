package kubernetes.host_ports_test

import data.kubernetes.host_ports
import data.lib.fixtures

test_host_port_is_found if {
	ports := [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]
	host_ports.violation == {{
		"message": "container app binds port 8081 of its node",
		"path": "spec.containers[0].ports[1].hostPort",
	}} with input as fixtures.container({"ports": ports})
}

test_container_without_host_port_passes if {
	host_ports.violation == set() with input as fixtures.container({"ports": [{"containerPort": 80}]})
	host_ports.violation == set() with input as fixtures.container({"ports": [{"containerPort": 80, "hostPort": 0}]})
	host_ports.violation == set() with input as fixtures.container({"ports": null})
	host_ports.violation == set() with input as fixtures.container({})
}
